"""Reads what the program `pipeline` has made, runs it and follows it, and writes what it imports.

    from pipeline_client import Project

    project = Project()
    report = project.run("tiny", progress=print)
    with project.artifact("tiny", "base") as net:
        state = net.state_dict()
"""
from .artifact import Artifact
from .errors import PipelineError, RunFailed
from .project import Node, Project
from .running import FailedNode, Progress, RanNode, RunReport
from .writing import write_images, write_metrics, write_net

__all__ = [
    "Artifact", "FailedNode", "Node", "PipelineError", "Progress", "Project", "RanNode", "RunFailed", "RunReport",
    "write_images", "write_metrics", "write_net",
]
