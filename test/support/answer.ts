/** Answers as tests compare them. */

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** `WWW-Authenticate`. */
  readonly challenge: string | null;
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    body: isJson(response) ? JSON.parse(text) : text,
    challenge: response.headers.get('www-authenticate'),
  };
}

function isJson(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('application/json') === true;
}
