// Tables: order, filter, choice of figures, heat, copies, and the drawer of a cell.

/** The parts of a table, by the rows as they were written. */
function parts(p, t) {
  const box = document.getElementById(`p${p}-table-${t}`);
  const table = box.querySelector('table');
  return { box, table, data: DATA.pipelines[p].tables[t] };
}

function startTables(p) {
  DATA.pipelines[p].tables.forEach((data, t) => {
    const { box, table } = parts(p, t);
    const rows = [...table.tBodies[0].rows];
    rows.forEach((row, place) => { row.dataset.r = String(place); });
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => makeSortable(table, rows, heads, head, column, data));
    box.querySelector('.scroll').before(tools(table, rows, heads, data));
    makeCellsOpen(p, t, table, data);
    keepNamesInSight(table, data.keys);
  });
}

/** The columns that name a row stay in sight when a table scrolls: all, or where they would take half of the room, the one that tells most rows apart. */
function keepNamesInSight(table, keys) {
  const region = table.closest('.scroll'), rows = [...table.tBodies[0].rows], heads = [...table.tHead.rows[0].cells].slice(0, keys);
  const values = heads.map((_, at) => new Set(rows.map(row => row.cells[at].textContent)).size);
  const best = values.indexOf(Math.max(...values));
  new ResizeObserver(() => {
    const widths = heads.map(head => head.offsetWidth);
    const sum = count => widths.slice(0, count).reduce((all, width) => all + width, 0);
    const haveRoom = sum(keys) < region.clientWidth / 2;
    for (const row of table.rows) {
      heads.forEach((_, at) => {
        row.cells[at].classList.toggle('pinned', haveRoom || at === best);
        row.cells[at].style.left = `${haveRoom ? sum(at) : 0}px`;
      });
    }
  }).observe(region);
}

function makeSortable(table, rows, heads, head, column, data) {
  const button = make('button', { type: 'button', title: 'sort' }, ...head.childNodes);
  head.replaceChildren(button);
  const value = row => {
    const cell = data.cells[row.dataset.r][column];
    return cell && cell.value !== null ? cell.value : null;
  };
  button.addEventListener('click', () => {
    const before = head.getAttribute('aria-sort');
    for (const other of heads) other.removeAttribute('aria-sort');
    // The third time the rows stand as they were.
    const sign = before === null ? 1 : before === 'ascending' ? -1 : 0;
    const sorted = [...rows];
    if (sign !== 0) {
      head.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
      sorted.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x !== null && y !== null) return sign * (x - y);
        if (x !== null || y !== null) return x !== null ? -1 : 1;
        return sign * a.cells[column].textContent.localeCompare(b.cells[column].textContent, 'en', { numeric: true });
      });
    }
    table.tBodies[0].append(...sorted);
  });
}

function tools(table, rows, heads, data) {
  const search = make('input', { type: 'search', size: 12 });
  const chosen = new Set();
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const texts = [...row.cells].filter((_, at) => at < data.keys || !data.cells[row.dataset.r][at]);
      const names = texts.map(cell => cell.textContent.toLowerCase()).join(' ');
      const isChosen = data.figure === undefined || chosen.has(row.cells[data.figure].textContent);
      row.hidden = !isChosen || !words.every(word => names.includes(word));
    }
  };
  search.addEventListener('input', show);
  const visible = () => [...table.tBodies[0].rows].filter(row => !row.hidden)
    .map(row => [...row.cells].map(cell => cell.textContent));
  const titles = heads.map(head => head.textContent);
  const copies = Object.entries({ CSV: csv, LaTeX: latex, Markdown: markdown }).map(([name, write]) =>
    make('button', { type: 'button', onclick: () => copy(write(titles, visible(), data.keys), name) }, `copy ${name}`));
  const bar = make('div', { class: 'tools' }, make('label', null, 'rows with', search), copies,
    heatChoice(rows, titles, data));
  if (data.figure === undefined) return bar;
  const figures = [...new Set(rows.map(row => row.cells[data.figure].textContent))];
  figures.forEach(name => chosen.add(name));
  const boxes = figures.map(name => {
    const box = make('input', { type: 'checkbox', checked: true, onchange: () => {
      if (box.checked) chosen.add(name); else chosen.delete(name);
      show();
    } });
    return make('label', null, box, foreign(name));
  });
  return make('div', null, bar, make('details', null, make('summary', null, `figures (${figures.length})`),
    make('div', { class: 'tools choices' }, boxes)));
}

/** Colours cells by how far they are from the same figure of one scheme. */
function heatChoice(rows, titles, data) {
  const column = titles.indexOf('scheme');
  if (column < 0 || data.figure === undefined) return null;
  const schemes = [...new Set(rows.map(row => row.cells[column].textContent))];
  const choice = make('select', null, make('option', { value: '' }, 'none'),
    schemes.map(name => make('option', { value: name }, `gap to ${name}`)));
  choice.addEventListener('change', () => {
    const key = row => [...row.cells].slice(0, data.keys).map((cell, at) => at === column ? '' : cell.textContent).join('\n');
    const references = new Map(rows.filter(row => row.cells[column].textContent === choice.value).map(row => [key(row), row]));
    const gaps = [];
    for (const row of rows) {
      for (let at = data.keys; at < row.cells.length; at += 1) {
        row.cells[at].classList.remove('q1', 'q2', 'q3', 'q4', 'q5');
        const other = references.get(key(row));
        const [own, its] = [data.cells[row.dataset.r][at], other && data.cells[other.dataset.r][at]];
        if (own && its && own.value !== null && its.value !== null) {
          gaps.push({ cell: row.cells[at], figure: row.cells[data.figure].textContent, gap: Math.abs(own.value - its.value) });
        }
      }
    }
    const largest = new Map();
    for (const { figure, gap } of gaps) largest.set(figure, Math.max(gap, largest.get(figure) || 0));
    for (const { cell, figure, gap } of gaps) {
      const share = gap / (largest.get(figure) || 1);
      if (share > 0.01) cell.classList.add(`q${Math.min(5, Math.ceil(share * 5))}`);
    }
  });
  return make('label', null, 'heat', choice);
}

// Copies

function csv(titles, rows) {
  const field = text => /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  return [titles, ...rows].map(row => row.map(field).join(',') + '\r\n').join('');
}

function markdown(titles, rows, keys) {
  const line = cells => `| ${cells.map(text => text.replace(/[\\|]/g, '\\$&').replace(/\s+/g, ' ')).join(' | ')} |\n`;
  return line(titles) + line(titles.map((_, at) => at < keys ? '---' : '---:')).replace(/\\/g, '') + rows.map(line).join('');
}

function latex(titles, rows, keys) {
  const signs = {
    '\\': '\\textbackslash{}', '~': '\\textasciitilde{}', '^': '\\textasciicircum{}', '±': '$\\pm$', '−': '$-$', '†': '$^\\dagger$',
    '–': '--', '→': '$\\to$', '≥': '$\\ge$', '≤': '$\\le$', '×': '$\\times$', 'ρ': '$\\rho$', '<': '$<$', '>': '$>$',
  };
  const cell = text => text.replace(/[\\~^±−†–→≥≤×ρ<>]|[&%$#_{}]|(?<![\w.])-(?=\d)/g,
    sign => sign === '-' ? '$-$' : signs[sign] || `\\${sign}`).replace(/\s+/g, ' ');
  const line = cells => `  ${cells.map(cell).join(' & ')} \\\\\n`;
  const columns = titles.map((_, at) => at < keys ? 'l' : 'r').join('');
  return `\\begin{tabular}{${columns}}\n  \\toprule\n${line(titles)}  \\midrule\n${rows.map(line).join('')}  \\bottomrule\n\\end{tabular}\n`;
}

// Cells

/** Cells open by a click, or by Enter; arrows move between them, so that a table is one stop of the tab key. */
function makeCellsOpen(p, t, table, data) {
  const hasDrawer = cell => cell && data.cells[cell.parentNode.dataset.r][cell.cellIndex]?.behind !== undefined;
  let first = null;
  for (const cell of table.tBodies[0].querySelectorAll('td.n')) {
    if (!hasDrawer(cell)) continue;
    cell.classList.add('open');
    cell.tabIndex = first ? -1 : 0;
    first = first || cell;
  }
  if (!first) return;
  table.setAttribute('role', 'grid');
  const enter = cell => go('cell', p, t, cell.parentNode.dataset.r, cell.cellIndex);
  table.addEventListener('click', event => {
    const cell = event.target.closest('td.open');
    if (cell) enter(cell);
  });
  table.addEventListener('keydown', event => {
    const cell = event.target.closest('td.open');
    if (!cell) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      return enter(cell);
    }
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [0, 0];
    if (!down && !right) return;
    const rows = [...table.tBodies[0].rows].filter(row => !row.hidden);
    const row = rows[rows.indexOf(cell.parentNode) + down];
    const next = row && row.cells[cell.cellIndex + right];
    if (!hasDrawer(next)) return;
    event.preventDefault();
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

/** A cell: its figure, the values of its repeats, and the nodes behind it. */
function showCell(p, t, r, column) {
  if (!DATA.pipelines[p].tables[t]) return;
  const { table, data } = parts(p, t);
  const row = [...table.tBodies[0].rows].find(each => each.dataset.r === String(r)), cell = data.cells[r]?.[column];
  if (!row || !cell || cell.behind === undefined) return;
  const names = [...row.cells].slice(0, data.keys).map(part => part.textContent).filter(Boolean);
  const head = table.tHead.rows[0].cells[column].textContent;
  const values = (cell.repeats || []).filter(value => value !== null);
  // A share stands in the data as it is, in the table as a percentage.
  const unit = names.some(name => name.endsWith(', %')) ? 100 : 1;
  openDrawer([...names, head].join(' · '), make('p', { class: 'big' }, row.cells[column].textContent),
    cell.half === undefined ? null : make('p', null, '95 % interval ',
      `${figure(unit * (cell.value - cell.half))} to ${figure(unit * (cell.value + cell.half))}`),
    values.length > 1 ? [dots(values.map(value => unit * value), unit * cell.value, unit * (cell.half || 0)), make('details', null, make('summary', null, `the ${values.length} values`),
      make('ol', null, values.map(value => make('li', null, String(unit * value)))))] : null,
    make('h3', null, 'Nodes behind it'), nodesBehind(p, DATA.pipelines[p].behind[cell.behind]));
}

/** Values as dots on a line, above them their mean with its interval. */
function dots(values, mean, half) {
  const [width, pad] = [560, 50];
  const low = Math.min(...values, mean - half), high = Math.max(...values, mean + half);
  const x = value => pad + (high > low ? (value - low) / (high - low) : 0.5) * (width - 2 * pad);
  const label = `${values.length} repeats from ${figure(low)} to ${figure(high)}`;
  return drawing(width, 70, label, make('svg:line', { class: 'grid', x1: pad, x2: width - pad, y1: 45, y2: 45 }),
    make('svg:g', { class: 'c0' }, values.map(value => make('svg:circle', { class: 'dot', cx: x(value), cy: 45, r: 5 },
      make('svg:title', null, figure(value))))),
    make('svg:g', { class: 'c1' },
      make('svg:line', { class: 'stroke', x1: x(mean - half), x2: x(mean + half), y1: 22, y2: 22 }),
      make('svg:circle', { class: 'fill', cx: x(mean), cy: 22, r: 5 })),
    make('svg:text', { class: 'faint', x: pad, y: 66, 'text-anchor': 'middle' }, figure(low)),
    make('svg:text', { class: 'faint', x: width - pad, y: 66, 'text-anchor': 'middle' }, figure(high)));
}
