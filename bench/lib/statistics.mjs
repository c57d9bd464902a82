/** Medians and what lies around them. */

export function quantile(values, share) {
  const sorted = [...values].sort((one, other) => one - other);
  const position = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
  return low + (high - low) * (position - Math.floor(position));
}

export const median = (values) => quantile(values, 0.5);

/** Median and the middle half of the values. */
export function spread(values) {
  return { median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}

export function countOf(statuses, accept) {
  return Object.entries(statuses).reduce((sum, [status, count]) => (accept(status) ? sum + count : sum), 0);
}
