/** Says which variable to change when a port or an address cannot be had. */

/** The message is one line that names the variable. */
export class CannotListenException extends Error {}

interface Address {
  /** Name of the variable that chose the port. */
  readonly variable: string;
  readonly port: number;
}

/** @throws CannotListenException when that is why the attempt failed; any other failure as it is */
export async function listening<Result>(address: Address, attempt: Promise<Result>): Promise<Result> {
  try {
    return await attempt;
  } catch (error) {
    const advice = adviceFor(error, address);
    throw advice === undefined ? error : new CannotListenException(advice, { cause: error });
  }
}

function adviceFor(error: unknown, { variable, port }: Address): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `${variable}: port ${port} is in use; set ${variable} to a free port`;
    case 'EACCES':
      return `${variable}: port ${port} is not allowed; set ${variable} to a port above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'HOST: is no address of this machine; set HOST to localhost or 0.0.0.0';
    default:
      return undefined;
  }
}
