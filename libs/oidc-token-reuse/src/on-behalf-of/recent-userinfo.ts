/** UserInfo claims for decisions at every request: asked of the provider once in a while, not each time. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import type { JsonObject } from '../provider/json.js';
import type { Principal } from '../session/principal.js';
import type { UserInfoService } from './userinfo.service.js';

const MAX_ANSWERS = 10_000;
/** Milliseconds for which an answer counts, and after which a role taken away is gone. */
const MAX_AGE_MS = 60_000;

interface Answer {
  readonly claims: Promise<JsonObject>;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** One request for all who present the same access token within a minute; a failure is not kept. */
export class RecentUserInfo {
  private readonly answers = new LRUCache<string, Answer>({ max: MAX_ANSWERS });

  constructor(
    private readonly userInfo: UserInfoService,
    private readonly clock: Clock,
  ) {}

  /** As `UserInfoService.fetch`. */
  fetch(principal: Principal): Promise<JsonObject> {
    const key = keyOf(principal);
    const now = this.clock.monotonic();
    const known = this.answers.get(key);
    if (known !== undefined && now - known.at < MAX_AGE_MS) return known.claims;
    const answer: Answer = { claims: this.userInfo.fetch(principal), at: now };
    this.answers.set(key, answer);
    answer.claims.catch(() => {
      if (this.answers.get(key) === answer) this.answers.delete(key);
    });
    return answer.claims;
  }
}

/** By the token, whose end-user it names; never the token itself. */
function keyOf({ issuer, subject, accessToken }: Principal): string {
  const parts = [issuer, subject, accessToken?.reveal() ?? ''];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
