// The graph, of which a click chooses a stage, and the timeline of a run with its critical path.

// The graph

function startGraph(p) {
  const [graph] = all(`#p${p} svg.graph`), pipeline = DATA.pipelines[p];
  if (!graph) return;
  for (const box of all('.stage', graph)) {
    const name = pipeline.stages[box.dataset.s].name;
    box.setAttribute('tabindex', '0');
    box.setAttribute('role', 'button');
    const choose = () => go('stage', p, graph.dataset.chosen === name ? '' : name);
    box.addEventListener('click', choose);
    box.addEventListener('keydown', event => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        choose();
      }
    });
  }
}

/** Shows a stage: its neighbours in the graph, its nodes, its part of the timeline. An empty name shows all again. */
function chooseStage(p, name) {
  const pipeline = DATA.pipelines[p], [graph] = all(`#p${p} svg.graph`);
  const chosen = pipeline.stages.findIndex(stage => stage.name === name);
  graph.dataset.chosen = chosen < 0 ? '' : name;
  graph.classList.toggle('chosen', chosen >= 0);
  const near = new Set([chosen]);
  for (const edge of all('.edge', graph)) {
    const [from, to] = [Number(edge.dataset.from), Number(edge.dataset.to)], isNear = from === chosen || to === chosen;
    edge.classList.toggle('near', isNear);
    if (isNear) near.add(from).add(to);
  }
  for (const box of all('.stage', graph)) {
    const stage = Number(box.dataset.s);
    box.classList.toggle('near', near.has(stage));
    box.classList.toggle('here', stage === chosen);
    box.setAttribute('aria-pressed', String(stage === chosen));
  }
  for (const bar of all(`#p${p} .timeline .bar`)) {
    bar.classList.toggle('dim', chosen >= 0 && stageOf(pipeline, Number(bar.dataset.n)) !== pipeline.stages[chosen]);
  }
  const list = document.querySelector(`#p${p} .stage-nodes`);
  list.replaceChildren(...(chosen < 0 ? [] : stageNodes(p, pipeline.stages[chosen])));
  graph.closest('section').scrollIntoView({ block: 'nearest' });
}

function stageNodes(p, stage) {
  const { nodes } = DATA.pipelines[p], body = make('tbody');
  let shown = 0;
  const more = make('button', { type: 'button', onclick: () => add() }, 'more');
  const add = () => {
    for (const end = Math.min(shown + 100, stage.count); shown < end; shown += 1) {
      const n = stage.first + shown, isThere = nodes.file[n] !== '';
      body.append(make('tr', null, make('th', { scope: 'row' }, nodeLink(p, n)), make('td', null, STATES[nodes.state[n]]),
        make('td', { class: 'n' }, isThere ? duration(nodes.seconds[n]) : '–'),
        make('td', { class: 'n' }, isThere ? bytes(nodes.memory[n]) : '–'),
        make('td', null, isThere ? make('code', null, filePath(nodes, n)) : '–')));
    }
    more.hidden = shown === stage.count;
  };
  add();
  const head = make('tr', null, ['node', 'state', 'took', 'peak memory', 'file'].map(title => make('th', { scope: 'col' }, title)));
  return [make('h3', null, foreign(stage.name), make('small', null, ` ${stage.type}, ${stage.count} nodes`)),
    make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Nodes of the stage' },
      make('table', null, make('thead', null, head), body)), more];
}

// The files

/** Finds nodes by words in their names, such as `evaluate size=3500 repeat=3`, and shows their files. */
function startFinder(p) {
  const box = document.querySelector(`#p${p} .finder`), { nodes } = DATA.pipelines[p], most = 40;
  if (!box) return;
  const list = make('ul', { class: 'files' }), said = make('p', { class: 'notes', role: 'status' });
  const search = make('input', { type: 'search', size: 30, placeholder: 'size=3500 repeat=3', oninput: () => {
    const words = search.value.toLowerCase().split(/[\s,[\]]+/).filter(Boolean);
    // A value ends where the word ends: repeat=1 is not repeat=10.
    const isIn = (name, word) => name.split(/[[\],]/).some(part => word.includes('=') ? part === word : part.includes(word));
    const found = words.length ? nodes.name.map((_, n) => n).filter(n => words.every(word => isIn(nodes.name[n].toLowerCase(), word))) : [];
    said.textContent = words.length ? `${counted(found.length, 'node')}${found.length > most ? `, of which ${most} are shown` : ''}` : '';
    list.replaceChildren(...found.slice(0, most).map(n => make('li', null, nodeLink(p, n), ' ',
      nodes.file[n] ? [make('code', null, filePath(nodes, n)), make('small', null, ' SHA-256 ', make('code', null, nodes.digest[n]))]
        : STATES[nodes.state[n]])));
  } });
  box.append(make('div', { class: 'tools' }, make('label', null, 'nodes with', search)), said, list);
}

// The timeline

/** The nodes of the run that its end waited for, from the last to the first: of each, the input that was done last. */
function criticalPath(pipeline, run) {
  const place = new Map(run.node.map((n, at) => [n, at])), path = new Set();
  let at = run.ended.reduce((best, ended, each) => ended > run.ended[best] ? each : best, 0);
  while (at !== undefined && !path.has(at)) {
    path.add(at);
    const sources = pipeline.nodes.inputs[run.node[at]].flatMap(source => source < 0 ? pipeline.joins[-1 - source] : [source]);
    const ran = sources.map(n => place.get(n)).filter(each => each !== undefined);
    at = ran.reduce((best, each) => best === undefined || run.ended[each] > run.ended[best] ? each : best, undefined);
  }
  return path;
}

/** The first lanes that are free for as many cores as each node has. */
function lanes(run, order) {
  const free = [], lane = [];
  for (const at of order) {
    // Two nodes of one worker may touch: times are taken by the scheduler, a moment late.
    const began = run.began[at] + 1e-6;
    let first = 0;
    const isTaken = each => each < free.length && free[each] > began;
    for (let each = first; each < first + run.threads[at]; each += 1) if (isTaken(each)) first = each + 1;
    for (let each = first; each < first + run.threads[at]; each += 1) free[each] = run.ended[at];
    for (let each = 0; each < free.length; each += 1) free[each] = free[each] ?? 0;
    lane[at] = first;
  }
  return { lane, count: free.length };
}

/** A bar a node. Those that are too narrow for a click are one path of their stage: ten thousand would be slow. */
function drawBars(pipeline, run, order, { lane, line, x, critical, colour }) {
  const narrow = new Map(), bars = [];
  for (const at of order) {
    const n = run.node[at], stage = stageOf(pipeline, n), [left, right] = [x(run.began[at]), x(run.ended[at])];
    const [top, height] = [lane[at] * line + 6, run.threads[at] * line - 4], width = Math.max(0.6, right - left);
    if (width < 1 && !critical.has(at) && !run.failed[at]) {
      narrow.set(stage, `${narrow.get(stage) || ''}M${left.toFixed(2)} ${top}h${width.toFixed(2)}v${height}h-${width.toFixed(2)}z`);
      continue;
    }
    const kind = ['bar', colour.get(stage.name), critical.has(at) && 'critical', run.failed[at] && 'failed'];
    const took = `${duration(run.ended[at] - run.began[at])} on ${counted(run.threads[at], 'thread')}`;
    bars.push(make('svg:rect', { class: kind.filter(Boolean).join(' '), 'data-n': n, x: left, y: top, width, height },
      make('svg:title', null, `${pipeline.nodes.name[n]}: ${took}`)));
  }
  const paths = [...narrow].map(([stage, d]) => make('svg:path', { class: `bar ${colour.get(stage.name)}`, 'data-n': stage.first, d },
    make('svg:title', null, stage.name)));
  return [...paths, ...bars];
}

/** Round times from 0 on, about eight of them. */
function times(seconds) {
  if (seconds < 8) return ticks(0, seconds, 8);
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];
  const day = 86400, step = steps.find(each => each >= seconds / 8) ?? Math.ceil(seconds / 8 / day) * day;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, place) => place * step);
}

function startTimeline(p) {
  const pipeline = DATA.pipelines[p], { run } = pipeline, box = document.querySelector(`#p${p} .timeline`);
  if (!run || !box) return;
  const order = run.node.map((_, at) => at).sort((a, b) => run.began[a] - run.began[b] || a - b);
  const { lane, count } = lanes(run, order), critical = criticalPath(pipeline, run);
  const seconds = Math.max(run.seconds || 0, ...run.ended), [left, width, line] = [62, 1100, 22], height = count * line + 44;
  const x = scale(0, seconds, left, width - 10);
  const costs = new Map();
  for (const at of order) {
    const { name } = stageOf(pipeline, run.node[at]);
    costs.set(name, (costs.get(name) || 0) + (run.ended[at] - run.began[at]) * run.threads[at]);
  }
  const stages = [...costs.keys()].sort((a, b) => costs.get(b) - costs.get(a));
  const colour = new Map(stages.map((name, place) => [name, `c${Math.min(place, COLOURS - 1)}`]));
  const frame = times(seconds).map(value => [
    make('svg:line', { class: 'grid', x1: x(value), x2: x(value), y1: 4, y2: height - 34 }),
    make('svg:text', { class: 'faint', x: x(value), y: height - 18, 'text-anchor': 'middle' }, value === 0 ? '0' : duration(value))]);
  for (let core = 0; core < count; core += 1) {
    frame.push(make('svg:text', { class: 'faint', x: left - 8, y: core * line + 19, 'text-anchor': 'end' }, `core ${core + 1}`));
  }
  const bars = drawBars(pipeline, run, order, { lane, line, x, critical, colour });
  const busy = [...costs.values()].reduce((sum, cost) => sum + cost, 0) / (seconds * count);
  const label = `Timeline of run ${run.id}: cores busy ${Math.round(100 * busy)} %`;
  const chart = drawing(width, height, label, frame.flat(), bars);
  chart.addEventListener('click', event => {
    const bar = event.target.closest('rect.bar');
    if (bar) go('node', p, pipeline.nodes.name[bar.dataset.n]);
  });
  const waited = [...critical].reverse();
  const named = stages.slice(0, COLOURS - 1).concat(stages.length >= COLOURS ? ['others'] : []);
  box.append(make('p', null, `${run.node.length} nodes ran in ${duration(seconds)}; the cores were busy ${Math.round(100 * busy)} % of it.`),
    legend(named), chart, make('details', null,
      make('summary', null, `Critical path (outlined): ${waited.length} nodes, which took ${duration(
        waited.reduce((sum, at) => sum + run.ended[at] - run.began[at], 0))}`),
      make('ol', null, waited.map(at => make('li', null, nodeLink(p, run.node[at]), ` ${duration(run.ended[at] - run.began[at])}`)))));
}

start();
