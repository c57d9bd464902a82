/** The provider's pages: plain HTML that works without script, with a keyboard and with a screen reader. */

const style = `
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem; color: #1b1b1f; }
  label { display: block; margin-top: 1rem; font-weight: 600; }
  input { width: 100%; padding: .5rem; font: inherit; box-sizing: border-box; border: 1px solid #6b6b76; border-radius: .25rem; }
  button { margin: 1.5rem .5rem 0 0; padding: .5rem 1rem; font: inherit; }
  [role=alert] { border-left: .25rem solid #b3261e; padding: .25rem .75rem; background: #fdecea; }
  @media (prefers-color-scheme: dark) { body { background: #1b1b1f; color: #ececf1; } [role=alert] { background: #4a1512; } }`;

/** A page with a heading and paragraphs of text. */
export function page(title: string, paragraphs: string[]): string {
  return layout(
    title,
    paragraphs
      .filter(Boolean)
      .map((text) => `<p>${escapeHtml(text)}</p>`)
      .join('\n'),
  );
}

/** What the login page shows. */
export interface LoginPage {
  action: string;
  /** Value of the login field, from `login_hint` or the failed attempt. */
  login: string;
  /** Why the last attempt failed. */
  problem: string | undefined;
  /** Who can sign in, shown as a hint. */
  users: { login: string; password: string }[];
}

/** The login form, with the fields `login` and `password`. */
export function loginPage({ action, login, problem, users }: LoginPage): string {
  const alert = problem === undefined ? '' : `<p role="alert">${escapeHtml(problem)}</p>`;
  return layout(
    'Sign in',
    `${alert}
<form method="post" action="${escapeHtml(action)}">
  <label for="login">Login name</label>
  <input id="login" name="login" value="${escapeHtml(login)}" autocomplete="username" autocapitalize="none" required autofocus>
  <label for="password">Password</label>
  <input id="password" name="password" type="password" autocomplete="current-password" required>
  <button type="submit">Sign in</button>
  <button type="submit" name="cancel" value="yes" formnovalidate>Cancel</button>
</form>
<p>Test users: ${users.map(({ login: name, password }) => `<code>${escapeHtml(`${name} / ${password}`)}</code>`).join(', ')}</p>`,
  );
}

function layout(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} – test provider</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${content}
</main>
</body>
</html>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
