/** Loads oidc-provider without its start-up notices. */
import type Provider from 'oidc-provider';
import type { errors, interactionPolicy } from 'oidc-provider';

/** The parts of oidc-provider that are used. */
export interface EngineModule {
  Provider: typeof Provider;
  errors: typeof errors;
  interactionPolicy: typeof interactionPolicy;
}

const loaded: { engine?: Promise<EngineModule> } = {};

/** Imports the engine, once. Its notice about the Node release is dropped; whatever else is printed meanwhile passes. */
export function loadEngine(): Promise<EngineModule> {
  loaded.engine ??= importQuietly();
  return loaded.engine;
}

async function importQuietly(): Promise<EngineModule> {
  const { warn } = console;
  console.warn = (...args: unknown[]) => {
    if (!String(args[0]).includes('oidc-provider WARNING')) warn.apply(console, args);
  };
  try {
    const { default: Provider, errors, interactionPolicy } = await import('oidc-provider');
    return { Provider, errors, interactionPolicy };
  } finally {
    console.warn = warn;
  }
}
