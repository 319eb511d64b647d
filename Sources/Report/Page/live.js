// The page alive: messages of `pipeline serve` replace what tells of the run in progress.

/** Puts HTML that the server made, every text in it escaped, into a place. What was opened or closed there stays so. */
function replaceContent(place, html) {
  const closed = new Set(all('details[data-key]:not([open])', place).map(each => each.dataset.key));
  const scrolled = new Map(all('details[data-key] pre', place)
    .filter(log => log.scrollTop + log.clientHeight < log.scrollHeight - 4).map(log => /** @type {[string, number]} */ ([log.closest('details').dataset.key, log.scrollTop])));
  const focus = all(':focus', place)[0]?.dataset.node;
  const page = new DOMParser().parseFromString(html, 'text/html');
  place.replaceChildren(...page.body.childNodes);
  for (const each of /** @type {HTMLDetailsElement[]} */ (all('details[data-key]', place))) {
    if (closed.has(each.dataset.key)) each.open = false;
    const log = each.querySelector('pre');
    // A log stands at its end, unless a reader has gone back in it.
    if (log) log.scrollTop = scrolled.get(each.dataset.key) ?? log.scrollHeight;
  }
  if (focus !== undefined) all('[data-node]', place).find(each => each.dataset.node === focus)?.focus();
}

/** Colours the graph by the states of the nodes, one digit each. */
function showStates(p, states) {
  const pipeline = DATA.pipelines[p], graph = document.querySelector(`#p${p} svg.graph`);
  if (!graph || states.length !== pipeline.nodes.name.length) return;
  pipeline.nodes.state = [...states].map(Number);
  for (const box of all('.stage', graph)) {
    const { first, count } = pipeline.stages[box.dataset.s], cells = [...box.querySelectorAll('rect:not(.box)')];
    if (cells.length === count) {
      cells.forEach((cell, at) => cell.setAttribute('class', `s${states[first + at]}`));
      continue;
    }
    // Too many to be drawn one by one: a bar of their shares.
    const width = 160, top = cells[0].getAttribute('y');
    let left = Number(cells[0].getAttribute('x'));
    cells.forEach(cell => cell.remove());
    STATES.forEach((_, state) => {
      const own = states.slice(first, first + count).split(String(state)).length - 1;
      if (!own) return;
      const part = Math.max(2, Math.floor(width * own / count));
      box.append(make('svg:rect', { class: `s${state}`, x: left, y: top, width: part, height: 7 }));
      left += part;
    });
  }
  const counts = STATES.map((name, state) => [states.split(String(state)).length - 1, name, state]).filter(([count]) => count);
  document.querySelector(`#p${p} section.graph .legend`).replaceChildren(...counts.flatMap(([count, name, state]) =>
    [make('span', { class: `key s${state}` }), `${count} ${name} `]));
}

function startLive() {
  const { events, version } = document.body.dataset;
  if (!events) return;
  const source = new EventSource(events), link = document.getElementById('live-link');
  // Who has begun to use the page must not lose what was chosen in it.
  let isUsed = false;
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, () => { isUsed = true; }, { once: true });
  const offer = latest => {
    if (latest === version) return;
    if (!isUsed) return location.reload();
    link.replaceChildren('There are new results. ', make('button', { type: 'button', onclick: () => location.reload() }, 'show them'));
  };
  const show = part => {
    if (part.states !== undefined) showStates(0, part.states);
    else if (part.version !== undefined) offer(part.version);
    else replaceContent(document.getElementById(part.id), part.html);
  };
  // What is pressed must be there when it is let go, or the click is lost.
  let isPressed = false;
  const held = new Map();
  addEventListener('pointerdown', () => { isPressed = true; });
  for (const kind of ['pointerup', 'pointercancel', 'blur']) {
    addEventListener(kind, () => setTimeout(() => {
      isPressed = false;
      for (const part of held.values()) show(part);
      held.clear();
    }));
  }
  source.addEventListener('message', message => {
    const part = JSON.parse(message.data);
    if (isPressed) held.set(part.id, part);
    else show(part);
  });
  source.addEventListener('open', () => { link.textContent = ''; });
  source.addEventListener('error', () => { link.textContent = 'The connection to pipeline serve is lost; trying again.'; });
  document.querySelector('.live')?.addEventListener('click', event => {
    const name = /** @type {HTMLElement} */ (/** @type {Element} */ (event.target).closest('[data-node]'))?.dataset.node;
    if (name) go('node', 0, name);
  });
  addEventListener('beforeunload', () => source.close());
}
