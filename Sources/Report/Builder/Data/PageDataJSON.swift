// The page's data as JSON: the members of each of its types.

extension PageData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "pipelines": pipelines, "quantiles": quantiles,
    ])
  }
}

extension PipelineData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "words": words, "stages": stages, "nodes": nodes, "joins": joins, "parameters": parameters,
      "reasons": reasons, "tables": tables, "behind": behind, "results": results, "tests": tests,
      "effects": effects, "histograms": histograms, "digits": digits, "run": run,
    ])
  }
}

extension ParameterSet: PageValue {
  func write(to json: inout JSONText) {
    json.object(names.map { ($0, values.values[$0] ?? .null) })
  }
}

extension StageData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "name": name, "type": type, "version": version, "axes": axes, "slots": slots, "notes": notes,
      "first": first, "count": count,
    ])
  }
}

extension NodeColumns: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "name": name, "values": values, "state": state, "inputs": inputs, "parameters": parameters,
      "declared": declared, "file": file, "digest": digest, "size": size, "seconds": seconds,
      "threads": threads, "memory": memory, "created": created, "reason": reason,
    ])
  }
}

extension TableData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "node": node, "cells": cells, "keys": keys, "figure": figure,
    ])
  }
}

extension TableData.Cell: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "value": value, "half": half, "repeats": repeats, "behind": behind,
    ])
  }
}

extension ResultsData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "node": node, "title": title, "across": across, "over": over, "first": first, "labels": labels,
      "axes": axes, "metrics": metrics, "converged": converged, "nodes": nodes,
    ])
  }
}

extension TestsData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "node": node, "title": title, "scheme": scheme, "unit": unit, "below": below, "above": above,
      "pairs": pairs,
      "rows": rows,
    ])
  }
}

extension TestsData.Row: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "figure": figure, "against": against, "setting": setting, "column": column, "verdict": verdict,
      "pairs": pairs, "mean": mean, "lower": lower, "upper": upper, "failed": failed,
    ])
  }
}

extension EffectsData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "node": node, "title": title, "split": split, "kinds": kinds, "predicted": predicted,
      "actual": actual,
    ])
  }
}

extension RunData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "id": id, "ending": ending, "seconds": seconds, "jobs": jobs, "node": node, "began": began,
      "ended": ended, "threads": threads, "failed": failed,
    ])
  }
}

extension HistogramData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "node": node, "by": by, "metric": metric, "mean": mean, "deviation": deviation, "start": start,
      "width": width, "bands": bands, "thresholds": thresholds,
    ])
  }
}

extension HistogramData.Band: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "name": name, "counts": counts, "normal": normal,
    ])
  }
}

extension DigitsData: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "node": node, "metric": metric, "channels": channels, "height": height, "width": width, "near": near,
      "far": far,
    ])
  }
}

extension DigitsData.Side: PageValue {
  func write(to json: inout JSONText) {
    json.object([
      "images": images, "distances": distances, "pixels": pixels,
    ])
  }
}
