// Two libraries as clients of our provider, each through a whole life of a grant. Environment:
//   ISSUER, API                     the provider, and an address that takes its tokens
//   REDIRECT_URI, LEFT_URI          of the clients, after an agreement and after a sign-out
//   KEYED_ID, KEY                   a client with a key of its own, and that key as a JWK
//   PUBLIC_ID                       a public client
// What a browser or an operator does is asked for in a line of JSON, and a line answers it.
import * as readline from "node:readline";
import * as openid from "openid-client";
import * as oauth from "oauth4webapi";
import assert from "node:assert/strict";

const { ISSUER, API, REDIRECT_URI, LEFT_URI, KEYED_ID, KEY, PUBLIC_ID } = process.env;
const SCOPE = "openid email notes:read offline_access";

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function ask(question) {
  console.log(JSON.stringify(question));
  return JSON.parse((await lines.next()).value);
}

const is = (expected) => (error) => {
  const seen = { status: error.status, error: error.error ?? error.cause?.[0]?.parameters?.error };
  assert.deepEqual(seen, expected);
  return true;
};
const OVER = is({ status: 400, error: "invalid_grant" });
const SHUT = is({ status: 401, error: "invalid_token" });

// What both go through. `library` has one function for each step.
async function live(library) {
  let tokens = await library.signIn({ prompt: "consent" });
  assert.equal((await library.userinfo(tokens)).sub, tokens.sub);
  assert.equal(await library.call(tokens), 200);
  const next = await library.refresh(tokens);
  assert.notEqual(next.refresh_token, tokens.refresh_token);
  assert.equal(await library.call(next), 200);

  await ask({ force: tokens.sub });
  await assert.rejects(() => library.call(next), (error) => error.status === 401);
  await assert.rejects(() => library.userinfo({ ...next, sub: tokens.sub }), SHUT);
  await assert.rejects(() => library.refresh(next), OVER);

  tokens = await library.signIn({ max_age: "3600" });
  await library.revoke(tokens);
  await assert.rejects(() => library.call(tokens), (error) => error.status === 401);
  await assert.rejects(() => library.refresh(tokens), OVER);

  tokens = await library.signIn({});
  const { callback } = await ask({ leave: library.farewell(tokens, "a farewell").href });
  assert.equal(callback, `${LEFT_URI}?state=a%20farewell`);
}

const key = await crypto.subtle.importKey("jwk", JSON.parse(KEY), { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);

// openid-client: private_key_jwt
{
  const auth = openid.PrivateKeyJwt(key);
  const options = { execute: [openid.allowInsecureRequests] }; // the test's server is on loopback
  const site = await openid.discovery(new URL(ISSUER), KEYED_ID, undefined, auth, options);
  const checked = (tokens, sub) => ({ ...tokens, sub: sub ?? tokens.claims().sub });
  await live({
    async signIn(more) {
      const [verifier, state, nonce] = [openid.randomPKCECodeVerifier(), openid.randomState(), openid.randomNonce()];
      const url = openid.buildAuthorizationUrl(site, {
        redirect_uri: REDIRECT_URI,
        scope: SCOPE,
        state,
        nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        ...more,
      });
      const { callback } = await ask({ visit: url.href });
      const mixedUp = new URL(callback);
      mixedUp.searchParams.set("iss", "https://evil.test");
      const expected = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, maxAge: more.max_age && 3600 };
      await assert.rejects(() => openid.authorizationCodeGrant(site, mixedUp, expected));
      return checked(await openid.authorizationCodeGrant(site, new URL(callback), expected));
    },
    userinfo: (tokens) => openid.fetchUserInfo(site, tokens.access_token, tokens.sub),
    call: async (tokens) => (await openid.fetchProtectedResource(site, tokens.access_token, new URL(API), "GET")).status,
    refresh: async (tokens) => checked(await openid.refreshTokenGrant(site, tokens.refresh_token), tokens.sub),
    revoke: (tokens) => openid.tokenRevocation(site, tokens.refresh_token),
    farewell: (tokens, state) =>
      openid.buildEndSessionUrl(site, { id_token_hint: tokens.id_token, post_logout_redirect_uri: LEFT_URI, state }),
  });
}

// oauth4webapi: a public client
{
  const loopback = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(ISSUER);
  const site = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, loopback));
  const self = { client_id: PUBLIC_ID };
  await live({
    async signIn(more) {
      const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()];
      const url = new URL(site.authorization_endpoint);
      url.search = new URLSearchParams({
        client_id: PUBLIC_ID,
        redirect_uri: REDIRECT_URI,
        response_type: "code",
        scope: SCOPE,
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        ...more,
      });
      const { callback } = await ask({ visit: url.href });
      const back = oauth.validateAuthResponse(site, self, new URL(callback), state);
      const answer = await oauth.authorizationCodeGrantRequest(site, self, oauth.None(), back, REDIRECT_URI, verifier, loopback);
      const tokens = await oauth.processAuthorizationCodeResponse(site, self, answer, { expectedNonce: nonce, requireIdToken: true });
      await oauth.validateApplicationLevelSignature(site, answer, loopback);
      return { ...tokens, sub: oauth.getValidatedIdTokenClaims(tokens).sub };
    },
    async userinfo(tokens) {
      const answer = await oauth.userInfoRequest(site, self, tokens.access_token, loopback);
      return oauth.processUserInfoResponse(site, self, tokens.sub, answer);
    },
    call: async (tokens) =>
      (await oauth.protectedResourceRequest(tokens.access_token, "GET", new URL(API), undefined, undefined, loopback)).status,
    async refresh(tokens) {
      const answer = await oauth.refreshTokenGrantRequest(site, self, oauth.None(), tokens.refresh_token, loopback);
      const next = await oauth.processRefreshTokenResponse(site, self, answer);
      await oauth.validateApplicationLevelSignature(site, answer, loopback);
      return next;
    },
    async revoke(tokens) {
      await oauth.processRevocationResponse(await oauth.revocationRequest(site, self, oauth.None(), tokens.access_token, loopback));
    },
    farewell(tokens, state) {
      const url = new URL(site.end_session_endpoint);
      url.search = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: LEFT_URI, state });
      return url;
    },
  });
}
lines.return?.();
process.stdin.destroy();
