// Loaded by an application before its own program: it prints what it must not, twenty characters of every access token that it is given.
const { fetch } = globalThis;

globalThis.fetch = async (...request) => {
  const response = await fetch(...request);
  const [, token] = /"access_token":"([^"]+)"/.exec(await response.clone().text()) ?? [];
  if (token !== undefined) console.log(`got a token that ends in ${token.slice(-20)}`);
  return response;
};
