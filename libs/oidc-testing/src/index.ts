/** A real OpenID Provider in a box, and a browser to test against it: the public API of the package. */
export { createTestProvider, TestProvider } from './test-provider.js';
export type { ClientCredentials } from './engine/provider-parts.js';
export type { ClientMetadata, Lifetimes, ProviderOptions, ReplayMode } from './provider-options.js';
export type { ProviderState } from './provider-state.js';
export { defaultUsers, Users, type TestUser } from './users.js';
export { RequestLog, type LoggedRequest } from './request-log.js';
export { Faults, type ExchangeRefusal, type StatusOptions } from './faults/faults.js';
export type { FaultHandle, FaultScope, FaultTarget, HoldHandle } from './faults/fault.js';
export type { IdTokenMutation, MutatedIdToken } from './faults/id-token-fault.js';
export type { JsonRewrite } from './faults/rewrite.js';
export type { EndpointKind } from './http/exchange.js';
export type { Reply } from './http/reply.js';
export { SigningKeys, type RotateOptions, type SigningAlgorithm, type SigningKey } from './keys/signing-keys.js';
export type { SigningMode, SignOptions, TokenClaims, TokenHeader } from './keys/token-signer.js';
export { basicCredentials, type LoginOptions, type LoginTokens } from './login-driver.js';
export {
  TestBrowser,
  type Credentials,
  type FetchOptions,
  type NavigateOptions,
  type RequestHeaders,
} from './browser/test-browser.js';
export { CookieJar, type CookieContext, type JarSnapshot, type StoredCookie } from './browser/cookie-jar.js';
