/** Which variables are set, and which option each one is for. */
import { VARIABLES } from './environment-names.js';
import type { OptionName } from './findings.js';

/** Names and values, without blank ones and without spaces around. */
export type Variables = ReadonlyMap<string, string>;

/** The object's own variables that hold text. */
export function presentVariables(environment: Readonly<Record<string, unknown>>): Variables {
  const present = new Map<string, string>();
  for (const [name, value] of Object.entries(environment)) {
    if (typeof value === 'string' && value.trim() !== '') present.set(name, value.trim());
  }
  return present;
}

/** The variable of an option in the spelling in use, else the documented one; the option's own name when it has none. */
export function variableOf(option: OptionName, variables: Variables): string {
  const spellings = VARIABLES[option];
  const [documented = option] = spellings;
  return spellings.find((name) => variables.has(name)) ?? documented;
}

/** Values as they were written, by option. */
export function byOption(variables: Variables): Readonly<Record<string, string>> {
  const values = new Map<string, string>();
  for (const [option, spellings] of Object.entries(VARIABLES)) {
    const value = spellings.map((name) => variables.get(name)).find((text) => text !== undefined);
    if (value !== undefined) values.set(option, value);
  }
  return Object.fromEntries(values);
}

/** `http://localhost:$PORT`; undefined when `PORT` is something else than a port. */
export function defaultPublicUrl(variables: Variables): string | undefined {
  const port = variables.get('PORT') ?? '3000';
  return /^\d{1,5}$/.test(port) && Number(port) > 0 ? `http://localhost:${String(Number(port))}` : undefined;
}
