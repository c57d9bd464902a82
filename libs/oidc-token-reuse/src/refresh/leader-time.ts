/** How long the holder of a session's lease may take, by the limit of each part: whoever waits for it waits that long. */
import type { OidcOptions } from '../config/options.js';

/** Looks for the result of a holder that lost its lease, before its refresh token is sent once more, and the milliseconds between two of them. */
export const LOOKS = 50;
export const LOOK_MS = 100;
/** For the shared store and for computing, milliseconds each where all is well. */
const MARGIN_MS = 5000;

type Limits = Pick<OidcOptions, 'httpTimeout' | 'tokenRequestTimeout' | 'replayWindow'>;

/** Milliseconds from the lease to the new token set, where every part takes as long as it may. */
export function longestRenewal(limits: Limits): number {
  return latestBegin(limits) + longestAttempt(limits) + longestVerification(limits) + MARGIN_MS;
}

/** When the last attempt begins: after one whose answer was lost, as long as the provider takes its token again; at a strict one after the looks. */
function latestBegin(limits: Limits): number {
  const { replayWindow } = limits;
  return replayWindow > 0 ? Math.min(longestAttempt(limits), replayWindow * 1000) : LOOKS * LOOK_MS;
}

/** Metadata and credential, where the process has just started; the request; the credential read again after a refusal, and the request with it. */
function longestAttempt({ httpTimeout, tokenRequestTimeout }: Limits): number {
  return 3 * httpTimeout + 2 * tokenRequestTimeout;
}

/** Keys that are not there yet, those that another request has asked for, and those that are newer than both. */
function longestVerification({ httpTimeout }: Limits): number {
  return 3 * httpTimeout;
}
