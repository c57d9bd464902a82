/** The route without a guard: what everything is compared with. */
export const setUp = undefined;
