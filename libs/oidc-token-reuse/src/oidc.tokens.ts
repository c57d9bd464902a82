/** Injection tokens of the module's own wiring. */

export const PRINCIPAL_RESOLVER = Symbol.for('nestjs-oidc-token-reuse:principal-resolver');
export const EVENT_LISTENER = Symbol.for('nestjs-oidc-token-reuse:event-listener');
export const MOUNTED = Symbol.for('nestjs-oidc-token-reuse:mounted-routes');
export const COMPOSITION = Symbol.for('nestjs-oidc-token-reuse:composition');
/** The token of `@nestjs/cache-manager`, by its value: that package is optional here. */
export const CACHE_MANAGER = 'CACHE_MANAGER';
