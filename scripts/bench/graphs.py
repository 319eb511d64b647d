"""The same graph for each tool: one node, n that take it, one that takes those; each is a `cat`."""

PIPELINE = """axes:
  i: {n}
stages:
  base:
    stage: command
    parameters: {{argv: [sh, -c, "cat src > b"], files: [src], outputs: [b]}}
  evaluate:
    stage: command
    for: [i]
    inputs: {{base: base}}
    parameters: {{argv: [sh, -c, "cat inputs/base/b > e${{i}}"], outputs: ["e${{i}}"]}}
  summary:
    stage: command
    inputs: {{parts: evaluate}}
    parameters: {{argv: [sh, -c, "printf '%s\\\\n' inputs/parts/*/e* | xargs cat > sum"], outputs: [sum]}}
"""
# The last node of 100,000 inputs has them in a file: they are more than the kernel takes as arguments.
NINJA = """rule cp
  command = cat $in > $out
rule join
  command = xargs cat < $out.in > $out
  rspfile = $out.in
  rspfile_content = $in_newline
build b: cp src
{evaluate}
build all: join {names}
"""
SNAKEMAKE = """rule all:
    input: "sum"
rule base:
    input: "src"
    output: "b"
    shell: "cat {{input}} > {{output}}"
rule evaluate:
    input: "b"
    output: "e{{i}}"
    shell: "cat {{input}} > {{output}}"
rule summary:
    input: [f"e{{i}}" for i in range({n})]
    output: "sum"
    shell: "cat {{input}} > {{output}}"
"""
DVC = """stages:
  base:
    cmd: cat src > b
    deps: [src]
    outs: [b]
  evaluate:
    foreach: [{numbers}]
    do:
      cmd: cat b > e${{item}}
      deps: [b]
      outs: ["e${{item}}"]
  summary:
    cmd: cat e* > sum
    deps: [{names}]
    outs: [sum]
"""


def write_fan(tool, folder, n):
    """The graph without its last node, of `n` + 1 nodes, for pipeline and ninja."""
    write(tool, folder, n)
    name, last = ("fan.yaml", "  summary:") if tool == "pipeline" else ("build.ninja", "build all:")
    file = folder / name
    file.write_text(file.read_text().partition(last)[0])
    return folder


def write(tool, folder, n):
    """Writes the graph of `n` + 2 nodes as a project of `tool` into a new folder; returns the folder."""
    folder.mkdir()
    (folder / "src").write_text("x")
    names = [f"e{i}" for i in range(n)]
    if tool == "pipeline":
        (folder / "fan.yaml").write_text(PIPELINE.format(n=n))
    elif tool == "ninja":
        evaluate = "\n".join(f"build {e}: cp b" for e in names)
        (folder / "build.ninja").write_text(NINJA.format(evaluate=evaluate, names=" ".join(names)))
    elif tool == "snakemake":
        (folder / "Snakefile").write_text(SNAKEMAKE.format(n=n))
    elif tool == "dvc":
        (folder / "dvc.yaml").write_text(DVC.format(numbers=",".join(map(str, range(n))), names=",".join(names)))
    else:
        raise ValueError(tool)
    return folder
