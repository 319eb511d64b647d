"""Tokens of the default vision transformer, by onnxruntime (224 px) and by PyTorch (any size), and a check of ours.

usage: vit.py golden ONNX IMAGES OUTPUT         the committed vectors, from train-images of an IDX file
       vit.py check FEATURES.h5 IMAGES.h5 ONNX  features of an artifact against PyTorch
       vit.py toy FOLDER                        small safetensors files and PyTorch's tokens for them
       vit.py peers ONNX IMAGES FOLDER          all tokens of many images and models, for PeerTests
Needs numpy, torch, onnx, onnxruntime; h5py for check. The committed vectors were made with torch 2.15.0, onnx
1.23.2, onnxruntime 1.32.0 and numpy 2.4.6.
"""
import gzip
import json
import struct
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def preprocess(images, pixels):
    """[n,28,28] u8 → [n,3,pixels,pixels] f32"""
    x = torch.as_tensor(images, dtype=torch.float32).unsqueeze(1) / 255
    x = F.interpolate(x, size=(pixels, pixels), mode="bilinear", align_corners=False).expand(-1, 3, -1, -1)
    return (x - MEAN.view(1, 3, 1, 1)) / DEVIATION.view(1, 3, 1, 1)


@torch.no_grad()
def forward(w, x, vit=False):
    """All tokens after the final norm; `w` by Hugging Face's names."""
    d, patch = w["embeddings.cls_token"].shape[-1], w["embeddings.patch_embeddings.projection.weight"].shape[-1]
    epsilon, heads = (1e-12 if vit else 1e-6), d // 64
    n, side = len(x), x.shape[-1] // patch

    def linear(name, x):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    def norm(name, x):
        return F.layer_norm(x, (d,), w[name + ".weight"], w[name + ".bias"], epsilon)

    x = F.conv2d(x, w["embeddings.patch_embeddings.projection.weight"],
                 w["embeddings.patch_embeddings.projection.bias"], stride=patch).flatten(2).transpose(1, 2)
    table = w["embeddings.position_embeddings"]
    grid = round((table.shape[1] - 1) ** 0.5)
    rest = table[:, 1:].reshape(1, grid, grid, d).permute(0, 3, 1, 2)
    if grid != side:
        rest = F.interpolate(rest, size=(side, side), mode="bicubic", align_corners=False)
    positions = torch.cat([table[:, :1], rest.permute(0, 2, 3, 1).reshape(1, -1, d)], 1)
    x = torch.cat([w["embeddings.cls_token"].expand(n, -1, -1), x], 1) + positions
    names = (["layernorm_before", "layernorm_after", "intermediate.dense", "output.dense"] if vit
             else ["norm1", "norm2", "mlp.fc1", "mlp.fc2"])
    layer = 0
    while f"encoder.layer.{layer}.{names[0]}.weight" in w:
        at = f"encoder.layer.{layer}."
        h = norm(at + names[0], x)
        q, k, v = (linear(at + f"attention.attention.{part}", h).view(n, -1, heads, 64).transpose(1, 2)
                   for part in ("query", "key", "value"))
        h = (q @ k.transpose(2, 3) / 8).softmax(-1) @ v
        h = linear(at + "attention.output.dense", h.transpose(1, 2).reshape(n, -1, d))
        x = x + h * w.get(at + "layer_scale1.lambda1", torch.ones(()))
        h = linear(at + names[3], F.gelu(linear(at + names[2], norm(at + names[1], x))))
        x = x + h * w.get(at + "layer_scale2.lambda1", torch.ones(()))
        layer += 1
    return norm("layernorm", x)


def onnx_weights(path):
    import onnx
    from onnx import numpy_helper
    graph = onnx.load(path).graph
    tensors = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in graph.initializer}
    w = {name.removeprefix("backbone."): t for name, t in tensors.items() if name.startswith("backbone.")}
    for node in graph.node:
        # The exporter names nodes after modules: /backbone/encoder/layer.0/mlp/fc1/MatMul.
        if node.op_type == "MatMul" and node.input[1] in tensors:
            name = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
            w[name + ".weight"] = tensors[node.input[1]].T
    first, = (t for name, t in tensors.items() if name.startswith("onnx::Concat"))
    rest, = (t for name, t in tensors.items() if name.startswith("onnx::Reshape"))
    w["embeddings.position_embeddings"] = torch.cat([first, rest], 1)
    return w


def runtime_tokens(path, x):
    import onnx
    import onnxruntime
    with tempfile.TemporaryDirectory() as folder:
        part = folder + "/backbone.onnx"
        onnx.utils.extract_model(path, part, ["input_image"], ["/backbone/layernorm/Add_1_output_0"],
                                 check_model=False)
        session = onnxruntime.InferenceSession(part, providers=["CPUExecutionProvider"])
        return session.run(None, {"input_image": x.numpy()})[0]


def read_idx(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        data = file.read()
    return np.frombuffer(data, np.uint8, offset=16).reshape(-1, 28, 28)


def golden(path, images, output):
    """u8 images, then class token, mean of the patches and one patch token each, f32, at 56, 112 and 224 px.

    OUTPUT-tokens.bin: all tokens of the first two images in the same order, i16 in units of 2^-11, which rounds by
    2.5e-4 at most.
    """
    chosen = read_idx(images)[[0, 1, 4]]
    w = onnx_weights(path)
    with open(output, "wb") as file, open(output.removesuffix(".bin") + "-tokens.bin", "wb") as whole:
        file.write(np.ascontiguousarray(chosen).tobytes())
        for pixels in (56, 112, 224):
            x = preprocess(chosen, pixels)
            tokens = forward(w, x).numpy()
            if pixels == 224:
                theirs = runtime_tokens(path, x)
                print(f"224 px: PyTorch against onnxruntime, largest difference {np.abs(tokens - theirs).max():.2g}")
                tokens = theirs
            for part in (tokens[:, 0], tokens[:, 1:].mean(1), tokens[:, 1 + (pixels // 14) // 2]):
                file.write(np.ascontiguousarray(part, dtype="<f4").tobytes())
            fixed = np.rint(tokens[:2].astype(np.float64) * 2048)
            assert np.abs(fixed).max() < 32768
            whole.write(fixed.astype("<i2").tobytes())


def check(artifact, images, path):
    import h5py
    with h5py.File(artifact) as file:
        ours, indices = file["features"][...], file["indices"][...]
        pixels, pooling = int(file.attrs["pixels"]), file.attrs["pooling"]
    rows = np.unique(np.linspace(0, len(indices) - 1, 40).astype(int))
    with h5py.File(images) as file:
        chosen = file["train/images"][...][indices[rows]]
    x = preprocess(chosen, pixels)
    tokens = runtime_tokens(path, x) if pixels == 224 else forward(onnx_weights(path), x).numpy()
    pooling = pooling if isinstance(pooling, str) else pooling.decode()
    theirs = tokens[:, 0] if pooling == "class" else tokens[:, 1:].mean(1)
    ours = ours[rows]
    cosine = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    worst = np.abs(ours - theirs).max()
    print(f"{len(rows)} images, {pixels} px, {pooling}: least cosine {cosine.min():.8f}, largest difference {worst:.2g}")
    return cosine.min() >= 0.99999 and worst <= 1e-3


def write_safetensors(path, tensors, kind):
    codes = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        data = tensor.to(codes[kind]).contiguous().view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def shapes(d, m, patch, grid, layers, vit):
    """The tensors of a model by name, as Hugging Face's Dinov2Model or ViTModel has them."""
    w = {"embeddings.cls_token": (1, 1, d), "embeddings.position_embeddings": (1, 1 + grid * grid, d),
         "embeddings.mask_token": (1, d), "embeddings.patch_embeddings.projection.weight": (d, 3, patch, patch),
         "embeddings.patch_embeddings.projection.bias": (d,)}
    for layer in range(layers):
        at = f"encoder.layer.{layer}."
        for part in ("attention.attention.query", "attention.attention.key", "attention.attention.value",
                     "attention.output.dense"):
            w |= {at + part + ".weight": (d, d), at + part + ".bias": (d,)}
        norms, wide, narrow = ((("layernorm_before", "layernorm_after"), "intermediate.dense", "output.dense")
                               if vit else (("norm1", "norm2"), "mlp.fc1", "mlp.fc2"))
        w |= {at + wide + ".weight": (m, d), at + wide + ".bias": (m,),
              at + narrow + ".weight": (d, m), at + narrow + ".bias": (d,)}
        for norm in norms:
            w |= {at + norm + ".weight": (d,), at + norm + ".bias": (d,)}
        if not vit:
            w |= {at + "layer_scale1.lambda1": (d,), at + "layer_scale2.lambda1": (d,)}
    return w | {"layernorm.weight": (d,), "layernorm.bias": (d,)}


def random_weights(sizes, kind="F32"):
    """Values that a file of that type holds exactly."""
    rounded = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[kind]
    width = sizes["layernorm.bias"][0]
    return {key: (torch.randn(shape) * (2.4 / width ** 0.5 if len(shape) > 1 else 0.5)).to(rounded).float()
            for key, shape in sizes.items()}


def toy(folder):
    """Two layers of width 64: small enough to commit, of each layout and each type."""
    torch.manual_seed(5)
    d, image = 64, (torch.arange(784).view(1, 28, 28) * 37 % 256).to(torch.uint8)
    for name, vit, patch, grid, kind, prefix in (
        ("dinov2-f32", False, 14, 3, "F32", ""), ("vit-f16", True, 16, 2, "F16", "vit."),
        ("dinov2-bf16", False, 16, 2, "BF16", "dinov2.")):
        w = random_weights(shapes(d, 96, patch, grid, 2, vit), kind)
        tensors = {prefix + key: tensor for key, tensor in w.items()}
        if prefix:
            tensors["classifier.weight"] = torch.zeros(2, d)
        write_safetensors(f"{folder}/{name}.safetensors", tensors, kind)
        write_tokens(f"{folder}/{name}.tokens", forward(w, preprocess(image, 4 * patch), vit))


def write_tokens(path, tokens):
    with open(path, "wb") as file:
        file.write(np.ascontiguousarray(tokens, dtype="<f4").tobytes())


def peers(path, images, folder):
    """All tokens of twelve images by the peers, and models of the sizes of B and L (two layers), for PeerTests.

    Writes FOLDER/images.bin (u8), CASE.tokens (f32 [12, tokens, width]) and cases.txt: a line 'weights pixels tokens
    file' a case. At 224 px the default weights' tokens are onnxruntime's, all others PyTorch's.
    """
    torch.manual_seed(6)
    chosen = np.ascontiguousarray(read_idx(images)[:12])
    with open(folder + "/images.bin", "wb") as file:
        file.write(chosen.tobytes())
    lines, w = [], onnx_weights(path)
    for pixels in (56, 112, 224):
        x = preprocess(chosen, pixels)
        write_tokens(f"{folder}/s14-{pixels}.tokens", runtime_tokens(path, x) if pixels == 224 else forward(w, x))
        lines.append(f"{path} {pixels} s14-{pixels}.tokens")
    for name, d, patch, grid, vit, pixels in (
        ("b14-dinov2", 768, 14, 37, False, 112), ("b16-vit", 768, 16, 14, True, 224),
        ("l14-dinov2", 1024, 14, 37, False, 56), ("l16-vit", 1024, 16, 14, True, 96)):
        w = random_weights(shapes(d, 4 * d, patch, grid, 2, vit))
        write_safetensors(f"{folder}/{name}.safetensors", w, "F32")
        write_tokens(f"{folder}/{name}.tokens", forward(w, preprocess(chosen, pixels), vit))
        lines.append(f"{folder}/{name}.safetensors {pixels} {name}.tokens")
    with open(folder + "/cases.txt", "w") as file:
        file.write("\n".join(lines) + "\n")


commands = {"golden": golden, "check": check, "toy": toy, "peers": peers}
sys.exit(1 if commands[sys.argv[1]](*sys.argv[2:]) is False else 0)
