// Drawings from the page's data: any figure by any axis, predicted effects beside actual ones; what all drawings share.

const COLOURS = 8;
/** Single values are drawn up to this number: more would hide each other. */
const DOTS = 1000;
/** What draws the explorer of each pipeline, given the choices of a permalink. */
const explorers = {};

/** Round numbers from low to high, about `count` of them. */
function ticks(low, high, count) {
  const rough = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(part => part * power).find(size => size >= rough);
  const list = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) list.push(value);
  return list.map(value => Number(value.toPrecision(12)));
}

const plain = value => Math.abs(value) >= 1e5 || value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(0) : String(value);

/** A map from values to places, linear or logarithmic. */
function scale(low, high, from, to, isLogarithmic = false) {
  const at = isLogarithmic ? Math.log : value => value;
  const [a, b] = [at(low), at(high)];
  return value => from + (b > a ? (at(value) - a) / (b - a) : 0.5) * (to - from);
}

function legend(names) {
  return make('div', { class: 'legend' }, names.map((name, place) => make('span', { class: `c${place % COLOURS}` },
    make('svg:svg', { width: 14, height: 10, 'aria-hidden': 'true' }, mark(7, 5, place, false)), foreign(name))));
}

/** A point: another shape for each series, so that colour is not all; hollow where a solve did not converge. */
function mark(x, y, place, isHollow, title) {
  const size = 4.2, shape = [
    () => make('svg:circle', { cx: x, cy: y, r: size }),
    () => make('svg:rect', { x: x - size, y: y - size, width: 2 * size, height: 2 * size }),
    () => make('svg:path', { d: `M${x} ${y - size - 1}L${x + size + 1} ${y + size}L${x - size - 1} ${y + size}Z` }),
    () => make('svg:path', { d: `M${x} ${y - size - 1}L${x + size + 1} ${y}L${x} ${y + size + 1}L${x - size - 1} ${y}Z` }),
  ][(place + Math.floor(place / COLOURS)) % 4]();
  shape.setAttribute('class', isHollow ? 'hollow' : 'fill');
  if (title) shape.append(make('svg:title', null, title));
  return shape;
}

function startCharts(p) {
  const article = document.getElementById(`p${p}`), pipeline = DATA.pipelines[p];
  article.querySelectorAll('.verdict .forest').forEach((place, at) => drawForest(/** @type {HTMLElement} */ (place), pipeline.tests[at]));
  const drawn = [explorer(p), ...pipeline.effects.map(effects)].filter(Boolean);
  if (!drawn.length) return;
  const section = make('section', { id: `p${p}-explore`, class: 'explore' }, make('h2', null, 'Explore'), drawn);
  article.querySelector('.graph').before(section);
  const link = make('li', null, make('a', { href: `#p${p}-explore` }, 'Explore'));
  document.querySelector(`nav a[href="#p${p}-graph"]`).closest('li').before(link);
}

// The explorer: any figure by any axis, with series and facets

/** Rows of a result as the explorer takes them, with an axis for their labels. */
function source(rows, name, label) {
  return {
    name, label, metrics: rows.metrics, axes: { [label]: rows.labels, ...rows.axes }, across: rows.across, over: rows.over,
    first: rows.first, failed: rows.converged.map(value => value === 0),
  };
}

/** The rows that can be drawn: those of tables, and of the nodes what each took. */
function sources(p) {
  const pipeline = DATA.pipelines[p], { nodes } = pipeline;
  /** @type {Source[]} */
  const list = [
    ...pipeline.results.map(rows => source(rows, rows.node, 'scheme')),
    ...pipeline.tests.map(tests => ({ ...source(tests.pairs, `differences of ${tests.node}`, 'against'), isDifference: true })),
  ];
  const made = nodes.file.map((file, n) => file === '' ? -1 : n).filter(n => n >= 0);
  if (!made.length) return list;
  const axes = /** @type {Record<string, string[]>} */ ({ stage: [] });
  for (const n of made) {
    const stage = stageOf(pipeline, n);
    axes.stage.push(stage.name);
    stage.axes.forEach((axis, at) => { (axes[axis] = axes[axis] || [])[axes.stage.length - 1] = nodes.values[n][at]; });
  }
  for (const values of Object.values(axes)) {
    for (let row = 0; row < made.length; row += 1) values[row] = values[row] ?? '';
  }
  const column = values => made.map(n => values[n]);
  list.push({
    name: 'cost of the nodes', axes, across: 'stage', over: 'nodes', isPooled: true, failed: made.map(() => false),
    metrics: { seconds: column(nodes.seconds), 'peak memory, bytes': column(nodes.memory), 'file, bytes': column(nodes.size) },
  });
  return list;
}

function explorer(p) {
  const all = sources(p);
  if (!all.length) return null;
  const plots = make('div', { class: 'plots' });
  const select = (label, change) => {
    const element = make('select', { onchange: change });
    return { element, label: make('label', null, label, element) };
  };
  const redraw = () => go('view', p, ...chosen());
  const controls = ['rows of', 'figure', 'along', 'series', 'facets'].map((label, at) => select(label, () => {
    if (at === 0) fill(all.find(source => source.name === controls[0].element.value), []);
    redraw();
  }));
  const chosen = () => controls.map(control => control.element.value);
  const options = (control, values, wanted) => {
    control.element.replaceChildren(...values.map(value => make('option', { value }, value === '' ? 'none' : value)));
    if (values.includes(wanted)) control.element.value = wanted;
  };
  const fill = (source, wanted) => {
    const axes = Object.keys(source.axes).filter(axis => axis !== source.over);
    const series = source.label ?? '';
    options(controls[1], Object.keys(source.metrics), wanted[0] || source.first);
    options(controls[2], axes, wanted[1] || source.across);
    options(controls[3], ['', ...axes], wanted[2] ?? series);
    options(controls[4], ['', ...axes], wanted[3] ?? '');
  };
  options(controls[0], all.map(source => source.name));
  const draw = choices => {
    const source = all.find(each => each.name === choices[0]) || all[0];
    controls[0].element.value = source.name;
    fill(source, choices.slice(1));
    plots.replaceChildren(...facets(source, ...chosen().slice(1)));
  };
  explorers[p] = draw;
  draw([]);
  return make('div', null, make('div', { class: 'tools' }, controls.map(control => control.label)), plots);
}

const inOrder = values => [...new Set(values)].sort((a, b) => {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? 0 : x - y;
});

/** One drawing for each value of the facet's axis. In a table, axes that no choice names tell series apart, too. */
function facets(source, metric, across, series, facet) {
  const values = source.metrics[metric];
  const rows = values.map((_, row) => row).filter(row => values[row] !== null && source.axes[across][row] !== '');
  const rest = source.isPooled ? [] : Object.keys(source.axes).filter(axis => ![across, series, facet, source.over].includes(axis)
    && new Set(rows.map(row => source.axes[axis][row])).size > 1);
  const name = row => [...(series && series !== across ? [source.axes[series][row]] : []),
    ...rest.map(axis => source.axes[axis][row] && `${axis} ${source.axes[axis][row]}`)].filter(Boolean).join(', ');
  const numbers = new Map(), seriesOf = new Map();
  for (const row of rows) {
    const own = name(row);
    if (!numbers.has(own)) numbers.set(own, numbers.size);
    seriesOf.set(row, numbers.get(own));
  }
  const names = [...numbers.keys()];
  const parts = facet ? inOrder(rows.map(row => source.axes[facet][row])) : [''];
  const drawn = parts.map(part => {
    const members = rows.filter(row => !facet || source.axes[facet][row] === part);
    return make('figure', null, facet ? make('figcaption', null, `${facet} `, foreign(part || 'none')) : null,
      curves(source, metric, across, members, seriesOf, names.length));
  });
  const words = rows.length > DOTS ? '' : '; dots: its single values';
  return [names.length > 1 ? legend(names) : null, ...drawn, make('p', { class: 'notes' },
    `${source.isDifference ? 'Figure less that of the other scheme: mean' : 'Mean'} and 95 % interval over ${source.over}${words}. ` +
    'Hollow: a solve did not converge.')].filter(Boolean);
}

function curves(source, metric, across, rows, seriesOf, count) {
  const values = source.metrics[metric], places = inOrder(rows.map(row => source.axes[across][row]));
  const numbers = places.map(Number), isNumeric = numbers.length > 1 && numbers.every(Number.isFinite);
  const isLogarithmic = isNumeric && numbers[0] > 0 && numbers.at(-1) / numbers[0] > 40;
  const [width, left, bottom] = [860, 74, 318], letters = Math.max(...places.map(place => Math.min(place.length, 16)));
  // Long names stand aslant: side by side they would hide each other.
  const isAslant = !isNumeric && places.length * (7 * letters + 8) > width - left, height = isAslant ? 480 : 360;
  const edge = isNumeric ? 40 : (width - left) / places.length / 2;
  const x = isNumeric ? scale(numbers[0], numbers.at(-1), left + edge, width - 20 - edge, isLogarithmic)
    : scale(0, places.length - 1, left + edge, width - 20 - edge);
  const isPositive = !source.isDifference && rows.every(row => values[row] >= 0);
  const points = [], groups = new Map();
  for (const row of rows) {
    const key = `${seriesOf.get(row)} ${source.axes[across][row]}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  for (let series = 0; series < count; series += 1) {
    places.forEach((place, at) => {
      const here = groups.get(`${series} ${place}`);
      if (!here) return;
      const { mean, half } = summary(here.map(row => values[row]));
      const shift = count > 1 ? (series - (count - 1) / 2) * Math.min(9, edge * 1.4 / count) : 0;
      // An interval of what can't be negative, such as a loss, ends at 0.
      const low = half === null ? mean : isPositive ? Math.max(0, mean - half) : mean - half;
      points.push({ series, at, x: x(isNumeric ? numbers[at] : at) + shift, mean, low, high: mean + (half || 0), here,
        place });
    });
  }
  const shown = [...(source.isDifference ? [0] : []), ...points.flatMap(point => [point.low, point.high, ...point.here.map(row => values[row])])];
  const low = Math.min(...shown), high = Math.max(...shown), room = (high - low || Math.abs(high) || 1) * 0.05;
  const isFar = low > 0 && high / low > 50;
  const y = isFar ? scale(low, high, bottom - 8, 22, true) : scale(isPositive && low < high / 3 ? 0 : low - room, high + room, bottom, 18);
  const marks = isFar ? ticks(Math.log10(low), Math.log10(high), 5).filter(Number.isInteger).map(power => 10 ** power)
    : ticks(isPositive && low < high / 3 ? 0 : low - room, high + room, 6);
  const frame = marks.map(value => [make('svg:line', { class: source.isDifference && value === 0 ? 'zero' : 'grid', x1: left, x2: width - 10, y1: y(value), y2: y(value) }),
    make('svg:text', { class: 'faint', x: left - 8, y: y(value) + 4, 'text-anchor': 'end' }, plain(value))]);
  const every = isAslant ? Math.ceil(places.length * 11 / (width - left)) : Math.ceil(places.length / 14), most = isAslant ? 21 : 16;
  places.forEach((place, at) => {
    if (at % every) return;
    const middle = x(isNumeric ? numbers[at] : at);
    frame.push(make('svg:text', isAslant
      ? { class: 'faint', x: middle, y: bottom + 12, 'text-anchor': 'end', transform: `rotate(-60 ${middle} ${bottom + 12})` }
      : { class: 'faint', x: middle, y: bottom + 18, 'text-anchor': 'middle' },
    place.length > most ? place.slice(0, most - 1) + '…' : place));
  });
  frame.push(make('svg:text', { x: left, y: 12 }, metric), make('svg:text', { x: width - 10, y: height - 6, 'text-anchor': 'end' }, across));
  const drawn = points.map(point => make('svg:g', { class: `c${point.series % COLOURS}` },
    point.here.length > 1 && rows.length <= DOTS ? point.here.map(row => make('svg:circle', { class: 'dot', cx: point.x + 5, cy: y(values[row]), r: 2.2 })) : [],
    make('svg:line', { class: 'stroke', x1: point.x, x2: point.x, y1: y(point.low), y2: y(point.high) }),
    mark(point.x, y(point.mean), point.series, point.here.some(row => source.failed[row]),
      `${across} ${point.place}: ${figure(point.mean)} (${figure(point.low)} to ${figure(point.high)}), n = ${point.here.length}`)));
  // No line between two sizes: there would be nothing that it shows. Nor between two differences.
  const lines = !isNumeric || source.isDifference || places.length < 3 ? [] : Array.from({ length: count }, (_, series) => {
    const own = points.filter(point => point.series === series);
    return make('svg:g', { class: `c${series % COLOURS}`, opacity: 0.6 }, make('svg:polyline',
      { class: 'stroke', points: own.map(point => `${point.x},${y(point.mean)}`).join(' ') }));
  });
  return drawing(width, height, `${metric} by ${across}`, frame.flat(), lines, drawn);
}

// Predicted effects beside actual ones

function effects(data) {
  const rows = data.predicted.map((_, row) => row).filter(row => data.predicted[row] !== null && data.actual[row] !== null);
  if (!rows.length) return null;
  const all = rows.flatMap(row => [data.predicted[row], data.actual[row]]), kinds = [...new Set(data.kinds)];
  const [low, high, size, pad] = [Math.min(...all), Math.max(...all), 420, 60];
  const x = scale(low, high, pad, size - 20), y = scale(low, high, size - pad, 20);
  const frame = ticks(low, high, 5).map(value => [
    make('svg:line', { class: 'grid', x1: pad, x2: size - 20, y1: y(value), y2: y(value) }),
    make('svg:text', { class: 'faint', x: pad - 6, y: y(value) + 4, 'text-anchor': 'end' }, plain(value)),
    make('svg:text', { class: 'faint', x: x(value), y: size - pad + 18, 'text-anchor': 'middle' }, plain(value))]);
  const dotted = rows.map(row => make('svg:g', { class: `c${kinds.indexOf(data.kinds[row]) % COLOURS}` },
    mark(x(data.predicted[row]), y(data.actual[row]), kinds.indexOf(data.kinds[row]), false,
      `predicted ${figure(data.predicted[row])}, actual ${figure(data.actual[row])}`)));
  return make('figure', null, make('figcaption', null, foreign(`${data.title || data.node}: ${data.split} images`)), legend(kinds),
    drawing(size, size, 'Predicted and actual effects', frame.flat(),
      make('svg:line', { class: 'zero', x1: x(low), y1: y(low), x2: x(high), y2: y(high) }), dotted,
      make('svg:text', { x: size - 20, y: size - 14, 'text-anchor': 'end' }, 'predicted'), make('svg:text', { x: 8, y: 14 }, 'actual')));
}
