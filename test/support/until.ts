/** Waits for what other requests bring about. */

/** Asks again and again, letting I/O go on in between, until the answer is yes; a test that asks in vain runs into its own time limit. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise(setImmediate);
}
