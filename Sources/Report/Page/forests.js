// Forest plots: paired differences with their intervals, numbers and verdicts, as wide as there is room.

/** Draws a comparison, and again when its room has changed. */
function drawForest(place, tests) {
  let drawn = 0;
  new ResizeObserver(() => {
    const room = place.clientWidth;
    if (Math.abs(room - drawn) < 4) return;
    drawn = room;
    place.replaceChildren(...forest(tests, room));
  }).observe(place);
}

/** Paired differences: those over all columns, and those of each figure by column. Each has its own unit. */
function forest(tests, room) {
  const rows = tests.rows.filter(row => row.mean !== null), figures = [...new Set(rows.map(row => row.figure))];
  const pooled = rows.filter(row => row.column === 'all');
  return [
    forestOf(tests, pooled, figures.length > 1, `over all columns, in ${tests.unit}`, room),
    ...figures.map(name => forestOf(
      tests, rows.filter(row => row.column !== 'all' && row.figure === name), false, `${name} in its own unit, by column`, room)),
  ].filter(Boolean);
}

/** Where bars, numbers and verdicts stand, and how high a test is. Where there is little room, all words stand above their bars. */
function formOf(room) {
  const wide = { width: 940, left: 250, right: 550, numbers: 568, verdict: 790, line: 20, bar: 0, letters: 33, isNarrow: false };
  if (room > wide.width) return wide;
  const width = Math.max(300, Math.min(room - 4, 620));
  return { width, left: 10, right: width - 10, numbers: 0, verdict: 0, line: 54, bar: 30, letters: Math.floor(width / 7), isNarrow: true };
}

/** A line a test, with its numbers; whatever goes beyond the frame ends in an arrow. */
function forestOf(tests, rows, isNamed, what, room) {
  if (!rows.length) return null;
  const name = row => [isNamed && row.figure, row.against, row.setting, row.column !== 'all' && row.column].filter(Boolean).join(' · ');
  const ends = rows.flatMap(row => [row.lower ?? row.mean, row.upper ?? row.mean]);
  const sizes = ends.map(Math.abs).sort((a, b) => a - b);
  const limit = 8 * (sizes[Math.floor(sizes.length / 2)] || 1);
  const low = Math.max(Math.min(0, ...ends), -limit), high = Math.min(Math.max(0, ...ends), limit);
  const form = formOf(room), { isNarrow } = form, height = rows.length * form.line + 74;
  const x = scale(low, high, form.left, form.right), inside = value => Math.min(Math.max(value, low), high);
  const short = (text, most = form.letters) => straight(text.length > most ? text.slice(0, most - 1) + '…' : text);
  const parts = ticks(low, high, isNarrow ? 4 : 6).map(value => [
    make('svg:line', { class: value === 0 ? 'zero' : 'grid', x1: x(value), x2: x(value), y1: 40, y2: height - 26 }),
    make('svg:text', { class: 'faint', x: x(value), y: height - 10, 'text-anchor': 'middle' }, plain(value))]);
  let beyond = 0;
  rows.forEach((row, place) => {
    const top = 52 + place * form.line, y = top + form.bar, isPooled = row.column === 'all', hasEnds = row.lower !== null && row.upper !== null;
    const numbers = figure(row.mean) + (hasEnds ? ` (${figure(row.lower)} to ${figure(row.upper)})` : '');
    const arrows = [[row.lower ?? row.mean, low, -1], [row.upper ?? row.mean, high, 1]].filter(([end, edge, side]) => side * (end - edge) > 0);
    beyond += arrows.length > 0 ? 1 : 0;
    const bar = hasEnds ? make('svg:line', { class: 'stroke', x1: x(inside(row.lower)), x2: x(inside(row.upper)), y1: y, y2: y }) : null;
    const heads = arrows.map(([, edge, side]) =>
      make('svg:path', { class: 'fill arrow', d: `M${x(edge) + side * 7} ${y}l${-side * 9} -5v10z` }));
    const text = (at, shift, words, attributes) => make('svg:text', { x: at, y: shift + 4, ...attributes }, words);
    const bold = isPooled ? 600 : 400;
    const words = isNarrow
      ? [text(0, top - 4, short(name(row)), { 'font-weight': bold }), text(0, top + 11, short(`${numbers}: ${row.verdict}`, form.letters + 8), { class: 'faint' })]
      : [text(form.left - 14, y, short(name(row)), { 'font-weight': bold, 'text-anchor': 'end' }),
        text(form.numbers, y, numbers, { class: 'faint' }), text(form.verdict, y, short(row.verdict, 24), {})];
    parts.push(make('svg:g', { class: isPooled ? 'c1' : 'c0' }, make('svg:title', null, `${name(row)}: ${numbers}, ${row.pairs} pairs, ${row.verdict}`),
      words, bar, heads, inside(row.mean) === row.mean ? mark(x(row.mean), y, isPooled ? 3 : 1, row.failed > 0) : null));
  });
  // The words of the two sides stand at the ends of the axis: beside a zero at its edge they would not fit.
  const sides = [[form.left, 'start', `◂ ${tests.below}`, low < 0], [form.right, 'end', `${tests.above} ▸`, high > 0]].filter(side => side[3]);
  parts.push(sides.map(([at, anchor, words]) => make('svg:text', { class: 'faint', x: at, y: 28, 'text-anchor': anchor }, words)));
  parts.push(make('svg:text', { class: 'faint', x: (form.left + form.right) / 2, y: 12, 'text-anchor': 'middle' }, `${short(tests.scheme, 40)} is`));
  const caption = [`Mean difference and 95 % interval, ${what}: `, foreign(tests.scheme), ' less the other scheme. Hollow: a solve did not converge. ',
    beyond ? `Arrows: ${beyond} of ${rows.length} intervals go on beyond the axis; their numbers stand beside them. ` : '',
    make('small', null, 'Node: ', foreign(tests.node))];
  return make('figure', null, drawing(form.width, height, `Paired differences of ${tests.scheme}, ${what}`, parts.flat()),
    make('figcaption', null, caption));
}
