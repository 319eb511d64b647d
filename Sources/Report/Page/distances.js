// Drawings of distances in feature space: histograms with their bands, and the nearest and farthest images.

/** The colour of each band: near blue, between grey, far orange; more of them as they come. */
const bandColour = (at, count) => count === 1 ? 'c0' : count === 3 ? ['c0', 'c6', 'c1'][at] : `c${at % COLOURS}`;

/** Bars of the bands, one on the other, with the normal law of the sample's mean and deviation, and the bands' ends. */
function histogram(p, data) {
  const bins = data.bands[0].counts.length, [width, height, left, bottom] = [860, 330, 60, 280];
  const sums = Array.from({ length: bins }, (_, bin) => data.bands.reduce((sum, band) => sum + band.counts[bin], 0));
  const all = sums.reduce((sum, count) => sum + count, 0), last = data.start + bins * data.width;
  const density = value => all * data.width * Math.exp(-0.5 * ((value - data.mean) / data.deviation) ** 2) /
    (data.deviation * Math.sqrt(2 * Math.PI));
  const hasLaw = data.deviation > 0;
  const most = Math.max(...sums, hasLaw ? density(data.mean) : 0);
  const x = scale(data.start, last, left, width - 16), y = scale(0, most, bottom, 16);
  const frame = [
    ...ticks(0, most, 5).map(value => [make('svg:line', { class: 'grid', x1: left, x2: width - 10, y1: y(value), y2: y(value) }),
      make('svg:text', { class: 'faint', x: left - 8, y: y(value) + 4, 'text-anchor': 'end' }, plain(value))]),
    ...ticks(data.start, last, 8).map(value =>
      make('svg:text', { class: 'faint', x: x(value), y: bottom + 18, 'text-anchor': 'middle' }, plain(value))),
    make('svg:text', { x: left, y: 11 }, 'images in a bin'),
    make('svg:text', { x: width - 10, y: height - 8, 'text-anchor': 'end' }, `${data.metric} distance in feature space`)];
  const bars = [];
  const below = new Array(bins).fill(0);
  data.bands.forEach((band, at) => {
    const d = band.counts.map((count, bin) => {
      if (!count) return '';
      const [top, foot] = [y(below[bin] + count), y(below[bin])];
      below[bin] += count;
      return `M${x(data.start + bin * data.width).toFixed(1)} ${foot.toFixed(1)}V${top.toFixed(1)}` +
        `H${(x(data.start + (bin + 1) * data.width) - 0.6).toFixed(1)}V${foot.toFixed(1)}z`;
    }).join('');
    bars.push(make('svg:path', { class: `fill band ${bandColour(at, data.bands.length)}`, d }, make('svg:title', null, band.name)));
  });
  const ends = data.thresholds.map(value =>
    make('svg:line', { class: 'zero dashed', x1: x(value), x2: x(value), y1: 16, y2: bottom }));
  const steps = Array.from({ length: 121 }, (_, step) => data.start + (last - data.start) * step / 120);
  const law = hasLaw ? make('svg:polyline', { class: 'stroke ink', points: steps.map(value => `${x(value)},${y(density(value))}`).join(' ') }) : null;
  const shares = data.bands.map(band => {
    const own = band.counts.reduce((sum, count) => sum + count, 0);
    const normal = typeof band.normal === 'number' ? `; a normal law has ${(100 * band.normal).toFixed(1)} %` : '';
    return `${band.name}: ${own} (${(100 * own / all).toFixed(1)} %${normal})`;
  });
  const swatches = make('div', { class: 'legend' }, shares.map((words, at) => make('span', { class: bandColour(at, shares.length) },
    make('svg:svg', { width: 14, height: 10, 'aria-hidden': 'true' }, make('svg:rect', { class: 'fill', x: 1, y: 0, width: 11, height: 10 })),
    foreign(words))));
  return make('figure', { class: 'distances' }, swatches,
    drawing(width, height, `Distances of ${data.node}: ${shares.join(', ')}`, frame.flat(), bars, ends, law),
    make('figcaption', null, `${all} images, mean ${figure(data.mean)}, deviation ${figure(data.deviation)}. `,
      hasLaw ? 'Line: a normal law of that mean and deviation. ' : '', data.thresholds.length ? 'Dashed: where bands end. ' : '',
      nodeNamed(p, data.node), data.by === data.node ? null : ['; bands by ', nodeNamed(p, data.by)]));
}

const nodeNamed = (p, name) => make('small', null, nodeLink(p, DATA.pipelines[p].nodes.name.indexOf(name)));

/** The images of one side in rows of twelve, each two pixels wide a pixel; which one is meant is said below them. */
function digits(p, data) {
  const across = 12, sides = [['nearest', data.near], ['farthest', data.far]];
  const drawn = sides.map(([name, side]) => {
    const rows = Math.ceil(side.images.length / across), said = make('small', { 'aria-live': 'off' });
    const ends = `${figure(Math.min(...side.distances))} to ${figure(Math.max(...side.distances))}`;
    const label = `The ${side.images.length} ${name} images, ${data.metric} distance ${ends}`;
    const canvas = make('canvas', { width: across * (data.width + 1), height: rows * (data.height + 1), role: 'img', 'aria-label': label });
    const bytes = Uint8Array.from(atob(side.pixels), c => c.charCodeAt(0)), context = canvas.getContext('2d');
    side.images.forEach((_, at) => {
      const image = context.createImageData(data.width, data.height);
      for (let pixel = 0; pixel < data.width * data.height; pixel += 1) {
        // Grey is ink on paper; colours are as they are, channel by channel.
        const size = data.width * data.height, first = at * data.channels * size + pixel;
        if (data.channels === 1) image.data.fill(255 - bytes[first], 4 * pixel, 4 * pixel + 3);
        else for (let channel = 0; channel < 3; channel += 1) image.data[4 * pixel + channel] = bytes[first + channel * size];
        image.data[4 * pixel + 3] = 255;
      }
      context.putImageData(image, (at % across) * (data.width + 1), Math.floor(at / across) * (data.height + 1));
    });
    canvas.addEventListener('pointermove', event => {
      const box = canvas.getBoundingClientRect();
      const column = Math.floor((event.clientX - box.left) / box.width * across);
      const at = Math.floor((event.clientY - box.top) / box.height * rows) * across + column;
      if (side.images[at] !== undefined) said.textContent = `image ${side.images[at]}: distance ${figure(side.distances[at])}`;
    });
    return make('div', null, make('small', null, label), canvas, said);
  });
  return make('figure', { class: 'digits' }, ...drawn, make('figcaption', null, 'Images by their distance. ', nodeNamed(p, data.node)));
}

function startDistances(p) {
  const place = document.querySelector(`#p${p} .drawn`), pipeline = DATA.pipelines[p];
  if (place) place.append(...pipeline.histograms.map(each => histogram(p, each)), ...pipeline.digits.map(each => digits(p, each)));
}
