// The page's data as the scripts see it: what Builder/Data/PageData.swift writes. For the type check alone; no page has it.

interface PageData {
  pipelines: PipelineData[];
  quantiles: number[];
}

interface PipelineData {
  words: string;
  stages: StageData[];
  nodes: NodeColumns;
  joins: number[][];
  parameters: Record<string, unknown>[];
  reasons: string[];
  tables: TableData[];
  behind: number[][];
  results: ResultsData[];
  tests: TestsData[];
  effects: EffectsData[];
  histograms: HistogramData[];
  digits: DigitsData[];
  run?: RunData;
}

interface StageData {
  name: string;
  type: string;
  version: number;
  axes: string[];
  slots: string[];
  notes: Record<string, string>;
  first: number;
  count: number;
}

interface NodeColumns {
  name: string[];
  values: string[][];
  state: number[];
  inputs: number[][];
  parameters: number[];
  declared: number[];
  file: string[];
  digest: string[];
  size: number[];
  seconds: (number | null)[];
  threads: number[];
  memory: number[];
  created: string[];
  reason: number[];
}

interface TableData {
  node: string;
  cells: (CellData | null)[][];
  keys: number;
  figure?: number;
}

interface CellData {
  value: number | null;
  half?: number | null;
  repeats?: (number | null)[];
  behind?: number;
}

interface ResultsData {
  node: string;
  title: string;
  across: string;
  over: string;
  first: string;
  labels: string[];
  axes: Record<string, string[]>;
  metrics: Record<string, (number | null)[]>;
  converged: number[];
  nodes: number[];
}

interface TestsData {
  node: string;
  title: string;
  scheme: string;
  unit: string;
  below: string;
  above: string;
  pairs: ResultsData;
  rows: TestData[];
}

interface TestData {
  figure: string;
  against: string;
  setting: string;
  column: string;
  verdict: string;
  pairs: number;
  mean: number | null;
  lower: number | null;
  upper: number | null;
  failed: number;
}

interface EffectsData {
  node: string;
  title: string;
  split: string;
  kinds: string[];
  predicted: (number | null)[];
  actual: (number | null)[];
}

interface HistogramData {
  node: string;
  by: string;
  metric: string;
  mean: number;
  deviation: number;
  start: number;
  width: number;
  bands: { name: string; counts: number[]; normal?: number | null }[];
  thresholds: number[];
}

interface DigitsData {
  node: string;
  metric: string;
  channels: number;
  height: number;
  width: number;
  near: SideData;
  far: SideData;
}

interface SideData {
  images: number[];
  distances: number[];
  pixels: string;
}

interface RunData {
  id: string;
  ending: string;
  seconds: number;
  jobs: number;
  node: number[];
  began: number[];
  ended: number[];
  threads: number[];
  failed: number[];
}

// What the explorer draws: figures by row, and the axes that the rows lie on.
interface Source {
  name: string;
  metrics: Record<string, (number | null)[]>;
  axes: Record<string, string[]>;
  across: string;
  over: string;
  failed: boolean[];
  first?: string;
  label?: string;
  isPooled?: boolean;
  isDifference?: boolean;
}
