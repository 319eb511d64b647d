"""Reads artifacts with h5py and compares them with the contract, which is written out here independently.

usage: check_artifacts.py FILE…   prints one line a file; exits 1 at the first difference.
"""
import json
import re
import sys

import h5py
import numpy as np

U8, I64, F32, F64 = "uint8", "int64", "float32", "float64"
SPLITS = ["group", "retained", "train", "test", "test_label", "test_other"]
LENET = {
    "conv1.weight": (6, 1, 5, 5), "conv1.bias": (6,), "conv2.weight": (16, 6, 5, 5), "conv2.bias": (16,),
    "fc1.weight": (120, 400), "fc1.bias": (120,), "fc2.weight": (84, 120), "fc2.bias": (84,),
    "fc3.weight": (10, 84), "fc3.bias": (10,),
}
PARAMETERS = sum(int(np.prod(shape)) for shape in LENET.values())
NET = (
    {f"/parameters/{name}": (F32, shape) for name, shape in LENET.items()}
    | {f"/history/{name}": (F64, (None,)) for name in ("loss", "accuracy", "learning_rate")},
    {"net": str, "width": int},
)
# stage: (dataset: (type, shape)), (attribute: type)
CONTRACT = {
    "load-images": ({
        "/train/images": (U8, (None, 28, 28)), "/train/labels": (U8, (None,)),
        "/test/images": (U8, (None, 28, 28)), "/test/labels": (U8, (None,))}, {"dataset": str}),
    "train": NET, "retrain": NET, "unlearn": NET,
    "features": ({"/features": (F32, (None, None)), "/indices": (I64, (None,))},
                 {"extractor": str, "pixels": int, "pooling": str}),
    "neighbours": ({"/reference": (I64, ()), "/distances": (F64, (None,)), "/order": (I64, (None,))}, {"metric": str}),
    "normality": ({
        "/distances": (F64, (None,)), "/boxplot/outliers": (F64, (None,)),
        "/probplot/theoretical": (F64, (None,)), "/probplot/ordered": (F64, (None,))}
        | {f"/{test}/{name}": (F64, ()) for test in ("shapiro", "normaltest") for name in ("statistic", "pvalue")}
        | {f"/probplot/{name}": (F64, ()) for name in ("slope", "intercept", "r")}
        | {f"/boxplot/{name}": (F64, ()) for name in ("q1", "median", "q3", "whisker_low", "whisker_high")}, {}),
    "cluster": ({"/assignment": (U8, (None,)), "/fractions": (F64, (None,)), "/indices": (I64, (None,))}, {}),
    "group": ({"/indices": (I64, (None,)), "/parts": (U8, (None,))}, {}),
    "parts": ({"/indices": (I64, (None,)), "/parts": (U8, (None,))}, {}),
    "part-shares": ({f"/{name}": (F64, (None,)) for name in ("images", "change/value", "loss/value", "norm")}, {}),
    "forgetting": ({"/factors": (F64, (None,)), "/loss": (F64, (None,)), "/untouched": (F64, ()), "/retrained": (F64, ())}, {}),
    "match": ({"/factor": (F64, ()), "/groups": (I64, ())}, {}),
    "rescale": ({f"/parameters/{name}": (F32, shape) for name, shape in LENET.items()},
                {"net": str, "width": int, "factor": float, "residual": float}),
    "factors": ({"/factor": (F64, (None,)), "/retrained": (F64, (None,))}, {}),
    "spectrum": ({"/eigenvalues": (F64, (None,)), "/eigenvectors": (F32, (None, PARAMETERS)),
                  "/hessian_indices": (I64, (None,))}, {"curvature_max": float, "products": int}),
    "influence": ({"/gradient": (F32, (PARAMETERS,)), "/influence": (F32, (PARAMETERS,))}, {
        "scheme": str, "solver": str, "damping": float, "iterations": int, "residual": float,
        "curvature_min": float, "curvature_max": float, "hessian_images": int}),
    "evaluate": ({f"/metrics/{split}/{name}": (F64, ()) for split in SPLITS for name in ("loss", "accuracy", "loss_gap", "accuracy_gap", "loss_spread", "accuracy_spread")}
        | {f"/metrics/{name}": (F64, ()) for name in (
            "comparison/parameter_distance", "comparison/kl", "comparison/changed",
            "forgetting/membership_auc", "forgetting/f1", "forgetting/relearning_steps")},
        {"group_size": int, "references": int, "converged": int, "residual": float}),
    "table": ({}, {}),
    "differences": ({"/pairs/difference": (F64, (None,))}
        | {f"/tests/{name}": (F64, (None,)) for name in ("mean", "lower", "upper", "pvalue", "adjusted")}, {}),
    "command": ({}, {}),
}
HEX = re.compile("[0-9a-f]{64}")


def require(condition, message):
    if not condition:
        sys.exit(f"{path}: {message}")


for path in sys.argv[1:]:
    with h5py.File(path, "r") as file:
        root = dict(file.attrs)
        for name in ("stage", "key", "content", "parameters", "inputs"):
            require(isinstance(root.get(name), str), f"attribute {name} is {root.get(name)!r}, expected a string")
        require(HEX.fullmatch(root["key"]) and HEX.fullmatch(root["content"]), "key and content are SHA-256 in hex")
        require(isinstance(root["stage_version"], np.integer), "stage_version is an integer")
        require(isinstance(json.loads(root["parameters"]), dict), "parameters is a JSON map")
        for slot, content in json.loads(root["inputs"]).items():
            contents = content.values() if isinstance(content, dict) else [content]
            require(all(HEX.fullmatch(one) for one in contents), f"input {slot} is given by content hash")
        require(not any("created" in name for name in root), "facts of time stand in the artifact")
        datasets, attributes = CONTRACT[root["stage"]]
        for name, (dtype, shape) in datasets.items():
            require(name in file, f"dataset {name} is missing")
            data = file[name]
            require(data.dtype == np.dtype(dtype), f"{name} is {data.dtype}, expected {dtype}")
            fits = len(data.shape) == len(shape) and all(e in (None, n) for n, e in zip(data.shape, shape))
            require(fits, f"{name} has shape {data.shape}, expected {shape}")
            data[...]
        kinds = {str: str, int: np.integer, float: np.floating}
        for name, kind in attributes.items():
            require(isinstance(root.get(name), kinds[kind]), f"attribute {name} is {root.get(name)!r}")
        stage = root["stage"]
        if stage == "load-images":
            for split in ("train", "test"):
                require(len(file[f"/{split}/images"]) == len(file[f"/{split}/labels"]), f"{split} counts differ")
        if stage == "group":
            indices = file["/indices"][...]
            require((np.diff(indices) > 0).all(), "indices are not sorted")
            require(len(indices) == len(file["/parts"]) == json.loads(root["parameters"])["size"], "wrong size")
        if stage == "neighbours":
            ordered = file["/distances"][...][file["/order"][...]]
            require((np.diff(ordered) >= 0).all(), "order is not nearest first")
        if stage == "cluster":
            counts = np.bincount(file["/assignment"][...], minlength=len(file["/fractions"]))
            require(np.allclose(counts / counts.sum(), file["/fractions"][...]), "fractions are not the assignment's")
        print(f"{stage} {path}")
