/** Finds what a mistyped name was meant to be. */

/** The name at the smallest Levenshtein distance, the first one of several; undefined when there are no names. */
export function nearestName(wanted: string, names: readonly string[]): string | undefined {
  const ranked = names.map((name) => ({ name, distance: distance(wanted, name) }));
  return ranked.sort((a, b) => a.distance - b.distance)[0]?.name;
}

function distance(a: string, b: string): number {
  let result = b.length;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of a.split('').entries()) {
    let [diagonal, left] = [i, i + 1];
    const next = [left];
    for (const [j, above] of row.slice(1).entries()) {
      left = Math.min(left + 1, above + 1, diagonal + (letter === b[j] ? 0 : 1));
      diagonal = above;
      next.push(left);
    }
    row = next;
    result = left;
  }
  return result;
}
