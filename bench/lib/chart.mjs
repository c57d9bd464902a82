/** Draws ratios to the unguarded route as bars. */

const ROW = 22;
const LABEL = 220;
const BAR = 420;
const WIDTH = LABEL + BAR + 70;

/** An SVG of one block of bars per result. */
export function chart(results) {
  const blocks = [];
  let top = 10;
  for (const [name, { title, rows }] of results) {
    blocks.push(text(10, top + 16, `${title}, ${name.split('/')[1]}: share of the unguarded route`, 'bold'));
    const sorted = [...rows].sort((one, other) => ratioOf(other) - ratioOf(one));
    sorted.forEach((row, index) => blocks.push(bar(row, top + ROW * (index + 1) + 6)));
    top += ROW * (rows.length + 1) + 24;
  }
  const style = 'font: 13px system-ui, sans-serif; background: #fff';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" style="${style}">\n${blocks.join('\n')}\n</svg>\n`;
}

const ratioOf = ({ ratios }) => ratios.unguarded.median;

function bar(row, y) {
  const ratio = ratioOf(row);
  const width = Math.round(Math.min(ratio, 1) * BAR);
  const colour = row.variant.startsWith('ours') ? '#1a7f37' : '#8c959f';
  return [
    text(10, y + 13, row.variant),
    `<rect x="${LABEL}" y="${y}" width="${width}" height="${ROW - 6}" fill="${colour}"/>`,
    text(LABEL + width + 6, y + 13, ratio.toFixed(2)),
  ].join('');
}

function text(x, y, content, weight = 'normal') {
  return `<text x="${x}" y="${y}" font-weight="${weight}" fill="#1f2328">${content}</text>`;
}
