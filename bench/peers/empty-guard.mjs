/** A guard that lets everybody in: the cost of having one at all. */
export const setUp = () => ({ guard: () => true });
