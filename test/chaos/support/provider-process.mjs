// The OpenID Provider of the suite in a process of its own, so that it shares no event loop with those who ask it.
import { setTimeout as delay } from 'node:timers/promises';
import { createTestProvider } from 'nestjs-oidc-token-reuse-testing';

const REFRESH = { kind: 'token', grant: 'refresh_token' };

const provider = await createTestProvider(JSON.parse(process.argv[2] ?? '{}'));

const refreshes = () =>
  provider.requests.list().filter(({ kind, grant }) => kind === REFRESH.kind && grant === REFRESH.grant);

/** What the suite may ask for; arguments and results are plain values. */
const operations = {
  describe: () => ({
    issuer: provider.issuer,
    clientId: provider.client.clientId,
    clientSecret: provider.client.clientSecret,
    audience: provider.audience,
  }),
  figures: () => ({
    tokenRequests: refreshes().length,
    served: refreshes().filter(({ status }) => status === 200).length,
    replays: provider.replays,
    revokedFamilies: provider.revokedFamilies,
  }),
  resetRequests: () => provider.requests.reset(),
  registerRedirectUri: (uri) => provider.registerRedirectUri(uri),
  setMode: (mode) => void (provider.mode = mode),
  setAccessTokenLifetime: (seconds) => void (provider.lifetimes.accessToken = seconds),
  slow: (milliseconds) => void provider.faults.slow({ ...REFRESH, times: Infinity }, milliseconds),
  refuse: (status, retryAfter) => void provider.faults.status({ ...REFRESH, times: Infinity }, status, { retryAfter }),
  // One after the other: those that wait at the same time would all meet in one request.
  dropAnswer: async () => {
    const fault = provider.faults.dropResponse(REFRESH);
    while (fault.applied === 0) await delay(10);
  },
  padAccessTokens: (bytes) =>
    void provider.faults.rewrite({ kind: 'token', times: Infinity }, (body) => ({
      ...body,
      access_token: 'x'.repeat(bytes),
    })),
  clearFaults: () => provider.faults.clear(),
  rotateKeys: async (announce) => void (await provider.keys.rotate({ announce })),
  withdrawKeys: () => provider.keys.withdraw(),
};

process.on('message', async ({ id, operation, values }) => {
  try {
    process.send({ id, result: await operations[operation](...values) });
  } catch (error) {
    process.send({ id, error: String(error) });
  }
});
process.once('disconnect', () => void provider.close());
process.send({ id: 0 });
