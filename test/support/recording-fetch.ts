/** A `fetch` that writes down what the application sends to its provider, and what it gets. */

export interface SentRequest {
  readonly url: string;
  readonly headers: Headers;
  /** Parameters of a form. */
  readonly form: Readonly<Record<string, string>>;
}

export class RecordingFetch {
  readonly sent: SentRequest[] = [];
  /** Bodies of the answers, as text. */
  readonly received: string[] = [];

  readonly fetch: typeof fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const body = typeof init?.body === 'string' ? init.body : '';
    this.sent.push({ url, headers: new Headers(init?.headers), form: Object.fromEntries(new URLSearchParams(body)) });
    const response = await fetch(input, init);
    this.received.push(await response.clone().text());
    return response;
  };

  /** The forms sent to the token endpoint with a grant type that ends like this. */
  forms(grant: string): readonly Readonly<Record<string, string>>[] {
    return this.sent.map(({ form }) => form).filter(({ grant_type: type }) => type?.endsWith(grant) === true);
  }
}
