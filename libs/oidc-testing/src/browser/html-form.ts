/** Reads the first form of an HTML page, enough for login and auto-submitting pages. */

/** A form: where it goes and what it carries. */
export interface HtmlForm {
  action: string;
  method: 'GET' | 'POST';
  /** Values by field name; buttons are left out. */
  fields: Map<string, string>;
  /** Whether script on the page submits it without a click. */
  autoSubmit: boolean;
}

/** The first form of a page, or `undefined`. */
export function firstForm(html: string, pageUrl: string): HtmlForm | undefined {
  const form = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(html);
  if (!form) return undefined;
  const attributes = attributesOf(form[1] ?? '');
  const inputs = [...(form[2] ?? '').matchAll(/<input\b([^>]*)>/gi)].map((input) => attributesOf(input[1] ?? ''));
  const fields = inputs
    .filter((input) => input.get('type') !== 'submit' && input.has('name'))
    .map((input): [string, string] => [input.get('name') ?? '', input.get('value') ?? '']);
  return {
    action: new URL(attributes.get('action') ?? '', pageUrl).href,
    method: attributes.get('method')?.toLowerCase() === 'post' ? 'POST' : 'GET',
    fields: new Map(fields),
    autoSubmit: html.includes('.submit()'),
  };
}

function attributesOf(tag: string): Map<string, string> {
  const attributes = [...tag.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)];
  return new Map(
    attributes.map(([, name, double, single, bare]) => [name ?? '', decodeEntities(double ?? single ?? bare ?? '')]),
  );
}

const named = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

function decodeEntities(text: string): string {
  return text.replace(/&(#?\w+);/g, (entity, name: string) => named.get(name) ?? numeric(name) ?? entity);
}

function numeric(name: string): string | undefined {
  const [, hex, decimal] = /^#(?:x([\da-f]+)|(\d+))$/i.exec(name) ?? [];
  if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
  return decimal === undefined ? undefined : String.fromCodePoint(Number(decimal));
}
