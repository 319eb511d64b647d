'use strict';
// The page: its data, elements, permalinks, and the drawer in which a figure is traced to its nodes and files.

const SVG = 'http://www.w3.org/2000/svg';
/** @type {PageData} See data.d.ts. */
let DATA;

/** The elements of a selector, in the page or in a part of it. */
const all = (selector, place = /** @type {ParentNode} */ (document)) =>
  /** @type {HTMLElement[]} */ ([...place.querySelectorAll(selector)]);

/** Makes an element; what starts with "on" listens, `svg:` makes one of a drawing. Texts are never markup. */
function make(name, attributes, ...children) {
  const isDrawing = name.startsWith('svg:');
  const element = isDrawing ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}

/** A text in which nothing turns the direction of what stands around it. */
const straight = text => String(text).replace(/[\u202A-\u202E\u2066-\u2069]/g, '\uFFFD');

/** A text of the user's, apart from the direction of what stands around it. */
const foreign = text => make('bdi', null, straight(text));

/** A drawing of its own size, which shrinks on a narrow screen no further than to be read. */
function drawing(width, height, label, ...children) {
  return make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    make('svg:svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': label }, ...children));
}

/** A figure as the tables write it: four decimals, or three digits. */
function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(2);
  return Math.abs(value) < 1000 ? value.toFixed(4) : value.toPrecision(4);
}

function duration(seconds) {
  if (seconds === null) return '?';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
}

/** Bytes as the program writes them, in units of 1024. */
function bytes(count) {
  const unit = [{ name: 'GB', size: 2 ** 30 }, { name: 'MB', size: 2 ** 20 }, { name: 'kB', size: 2 ** 10 }]
    .find(({ size }) => count >= size);
  return unit ? `${Number((count / unit.size).toPrecision(3))} ${unit.name}` : `${count} B`;
}

const counted = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

/** Mean, and half of the 95 % interval by Student's t; null for a single value. */
function summary(values) {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, half: null, count };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const quantile = DATA.quantiles[Math.min(count - 1, DATA.quantiles.length) - 1];
  return { mean, half: quantile * Math.sqrt(variance / count), count };
}

// Copies

const said = make('div', { class: 'said', role: 'status' });

function copy(text, what) {
  const done = () => {
    said.textContent = `${what} copied`;
    setTimeout(() => { said.textContent = ''; }, 2000);
  };
  const byHand = () => {
    const area = make('textarea', { 'aria-hidden': 'true' });
    area.value = text;
    (drawer.open ? drawer : document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand);
  else byHand();
}

function command(text) {
  return make('div', { class: 'command' }, make('code', null, text),
    make('button', { type: 'button', onclick: () => copy(text, 'command') }, 'copy'));
}

// The drawer

const drawer = make('dialog', { 'aria-labelledby': 'drawer-title', onclose: () => leave() });

function openDrawer(title, ...content) {
  const close = make('button', { type: 'button', onclick: () => drawer.close() }, 'close');
  drawer.replaceChildren(
    make('header', null, make('h2', { id: 'drawer-title' }, foreign(title)), close),
    ...content.flat(Infinity).filter(Boolean));
  if (!drawer.open) drawer.showModal();
  drawer.scrollTop = 0;
}

const nodeLink = (p, n) => make('button', {
  type: 'button', class: 'link', onclick: () => go('node', p, DATA.pipelines[p].nodes.name[n]),
}, foreign(DATA.pipelines[p].nodes.name[n]));

/** The file of a node, relative to the cache folder. */
const filePath = (nodes, n) => `artifacts/${nodes.file[n].slice(0, 2)}/${nodes.file[n]}`;

const stageOf = (pipeline, n) => pipeline.stages.find(stage => n >= stage.first && n < stage.first + stage.count);
const quoted = text => `'${text.replace(/'/g, "'\\''")}'`;

function settings(entries) {
  return make('dl', { class: 'settings' }, entries.map(([name, value]) =>
    make('div', null, make('dt', null, foreign(name)), make('dd', null, foreign(value)))));
}

const STATES = ['up to date', 'stale', 'running', 'failed'];

/** What is known of a node: how it was made, of what, and the commands that find it or make it anew. */
function showNode(p, name) {
  const pipeline = DATA.pipelines[p], nodes = pipeline.nodes, n = nodes.name.indexOf(name);
  if (n < 0) return;
  const stage = stageOf(pipeline, n), isThere = nodes.file[n] !== '';
  const facts = [['stage type', `${stage.type}, version ${stage.version}`], ['state', STATES[nodes.state[n]]]];
  if (isThere) {
    facts.push(
      ['made', nodes.created[n]], ['took', `${duration(nodes.seconds[n])} on ${counted(nodes.threads[n], 'thread')}`],
      ['peak memory', `${bytes(nodes.memory[n])}, declared ${bytes(nodes.declared[n])}`], ['size', bytes(nodes.size[n])]);
    if (pipeline.reasons[nodes.reason[n]]) facts.push(['why it ran', pipeline.reasons[nodes.reason[n]]]);
  }
  const values = pipeline.parameters[nodes.parameters[n]], why = Object.entries(stage.notes);
  const inputs = nodes.inputs[n].map((source, slot) => {
    const members = source < 0 ? pipeline.joins[-1 - source] : [source];
    const links = members.slice(0, 200).map(member => make('li', null, nodeLink(p, member)));
    if (members.length > 200) links.push(make('li', null, `and ${members.length - 200} more`));
    return make('details', { open: members.length < 4 },
      make('summary', null, foreign(stage.slots[slot] || 'input'), ` (${members.length})`), make('ul', null, links));
  });
  const text = value => typeof value === 'string' ? value : JSON.stringify(value);
  openDrawer(name, settings(facts),
    isThere ? make('p', null, 'file in the cache: ', make('code', null, filePath(nodes, n))) : null,
    isThere ? make('p', null, 'SHA-256 of the file: ', make('code', null, nodes.digest[n])) : null,
    make('h3', null, 'Commands'), isThere ? command(`pipeline path ${pipeline.words} ${quoted(name)}`) : null,
    command(`pipeline run ${pipeline.words} ${quoted(name)}${isThere ? ' --cache EMPTY-FOLDER' : ''}`), command(`pipeline explain ${pipeline.words} ${quoted(name)}`),
    isThere ? make('small', null, 'In an empty folder run makes it anew, and all that it needs.') : null,
    Object.keys(values).length ? [make('h3', null, 'Parameters'),
      settings(Object.entries(values).map(([key, value]) => [key, text(value)])),
      why.length ? make('ul', { class: 'notes' }, why.map(([key, note]) => make('li', null, foreign(`${key}: ${note}`)))) : null] : null,
    inputs.length ? [make('h3', null, 'Takes'), inputs] : null);
}

/** The nodes behind a figure by stage, the last stage first: it is the nearest. */
function nodesBehind(p, list) {
  const pipeline = DATA.pipelines[p], groups = new Map();
  for (const n of [...list].sort((a, b) => b - a)) {
    const stage = stageOf(pipeline, n);
    groups.set(stage, [n, ...(groups.get(stage) || [])]);
  }
  return [...groups].map(([stage, members], place) => make('details', { open: place === 0 },
    make('summary', null, foreign(stage.name), ` (${members.length})`),
    make('ul', null, members.map(n => make('li', null, nodeLink(p, n))))));
}

// Permalinks: #KIND/… with each part encoded. Whatever has another form is the place of a section.

const routes = {
  node: (p, name) => showNode(Number(p), name),
  cell: (p, t, row, column) => showCell(Number(p), Number(t), Number(row), Number(column)),
  stage: (p, name) => chooseStage(Number(p), name),
  view: (p, ...choices) => explorers[Number(p)] && explorers[Number(p)](choices),
};

function go(...parts) {
  const hash = '#' + parts.map(part => encodeURIComponent(part)).join('/');
  if (location.hash === hash) follow();
  else location.hash = hash;
}

function follow() {
  const parts = location.hash.slice(1).split('/');
  const isDrawer = parts[0] === 'node' || parts[0] === 'cell';
  if (!isDrawer && drawer.open) drawer.close();
  if (!Object.hasOwn(routes, parts[0]) || !DATA.pipelines[Number(parts[1])]) return;
  routes[parts[0]](...parts.slice(1).map(decodeURIComponent));
}

/** Takes a closed drawer out of the address, and moves nothing. */
function leave() {
  if (/^#(node|cell)\//.test(location.hash)) history.replaceState(null, '', '#');
}

async function start() {
  document.body.append(drawer, said);
  // The list of pipelines is alive, too, and has no data.
  if (!document.getElementById('data')) return startLive();
  const packed = Uint8Array.from(atob(document.getElementById('data').textContent), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new window['DecompressionStream']('deflate'));
  DATA = await new Response(stream).json();
  DATA.pipelines.forEach((pipeline, p) => {
    startTables(p);
    startCharts(p);
    startDistances(p);
    startGraph(p);
    startFinder(p);
    startTimeline(p);
    for (const image of all(`#p${p} figure[data-n]`)) {
      image.querySelector('figcaption small').replaceChildren(nodeLink(p, Number(image.dataset.n)));
    }
  });
  addEventListener('hashchange', follow);
  follow();
  startLive();
  document.documentElement.dataset.ready = 'yes';
  performance.mark('ready');
}
