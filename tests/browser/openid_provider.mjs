// A real OpenID provider, shaped like Cognito: groups in the ID token, no end_session_endpoint but
// a page /logout that takes client_id and logout_uri. With "standard": the other way round.
// node openid_provider.mjs '{"port": 1, "app": "http://127.0.0.1:2", "shape": "cognito"}'
import { createServer } from "node:http";

import Provider, { interactionPolicy } from "oidc-provider";

const { port, app, shape } = JSON.parse(process.argv[2]);
const issuer = `http://localhost:${port}`;
const isCognito = shape === "cognito";
const people = {
  ada: { name: "Ada Admin", groups: ["admins", "editors"] },
  ed: { name: "Ed Editor", groups: ["editors"] },
  fay: { name: "Fay Editor", groups: ["editors"] },
  vi: { name: "Vi Viewer", groups: ["viewers"] },
  nobody: { name: "No Body", groups: ["strangers"] },
  brief: { name: "Bri Ef", groups: ["viewers"], seconds: 8 },
};
const groupsClaim = isCognito ? "cognito:groups" : "groups";

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "studio",
      client_secret: "a-secret-of-the-client",
      redirect_uris: [`${app}/oauth2callback`],
      post_logout_redirect_uris: isCognito ? [] : [`${app}/oauth2callback`],
    },
  ],
  claims: { openid: ["sub", groupsClaim], email: ["email", "email_verified"], profile: ["name"] },
  // Cognito's ID token holds everything, not only what the scope openid covers.
  conformIdTokenClaims: false,
  cookies: { keys: ["a key of the tests alone"] },
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: {
      enabled: !isCognito,
      // Without the question whether one really means it.
      logoutSource: (ctx, form) => {
        ctx.body = `<html><body>${form}<script>document.forms[0].insertAdjacentHTML("beforeend",
          '<input name="logout" value="yes">'); document.forms[0].submit();</script></body></html>`;
      },
    },
  },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: `sub-of-${id}`,
      name: people[id].name,
      email: `${id}@example.com`,
      email_verified: true,
      [groupsClaim]: people[id].groups,
    }),
  }),
  interactions: { policy: withoutConsent() },
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
  ttl: {
    IdToken: (ctx) => people[ctx.oidc.account.accountId].seconds ?? 3600,
    AccessToken: 3600, Grant: 3600, Interaction: 3600, Session: 3600,
  },
});

function withoutConsent() {
  const policy = interactionPolicy.base();
  policy.remove("consent");
  return policy;
}

async function logOut(request, response, query) {
  if (query.get("client_id") !== "studio" || query.get("logout_uri") !== `${app}/`) {
    response.writeHead(400).end("unknown client or logout_uri");
    return;
  }
  const id = /(?:^|; )_session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
  await (id && provider.Session.find(id))?.then?.((session) => session?.destroy());
  const gone = ["_session", "_session.sig"].map((name) => `${name}=; path=/; max-age=0`);
  response.writeHead(302, { location: `${app}/`, "set-cookie": gone }).end();
}

const callback = provider.callback();
createServer((request, response) => {
  const url = new URL(request.url, issuer);
  if (isCognito && url.pathname === "/logout") return logOut(request, response, url.searchParams);
  return callback(request, response);
}).listen(port, "127.0.0.1", () => console.log("ready"));
