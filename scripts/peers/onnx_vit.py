"""Peer: the backbone of the default weights' ONNX file at 224 px in onnxruntime on the CPU.

usage: onnx_vit.py WEIGHTS.onnx [THREADS]        needs numpy, onnx and onnxruntime
Prints 'onnxruntime vit-s 224px (257 tokens): R images/s'; the warm-up is not counted.
"""
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime

threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
batch, rounds = 16, 2
with tempfile.TemporaryDirectory() as folder:
    part = folder + "/backbone.onnx"
    onnx.utils.extract_model(sys.argv[1], part, ["input_image"], ["/backbone/layernorm/Add_1_output_0"],
                             check_model=False)
    session = onnxruntime.InferenceSession(part, options, providers=["CPUExecutionProvider"])
x = {"input_image": np.random.default_rng(1).standard_normal((batch, 3, 224, 224), dtype=np.float32)}
tokens = session.run(None, x)[0].shape[1]
start = time.perf_counter()
for _ in range(rounds):
    session.run(None, x)
rate = rounds * batch / (time.perf_counter() - start)
print(f"onnxruntime vit-s 224px ({tokens} tokens): {rate:.1f} images/s")
