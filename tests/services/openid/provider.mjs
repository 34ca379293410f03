// The certified OpenID provider, for end-to-end tests. Environment:
//   OPENID_PORT     the loopback port to listen on
//   OPENID_CLIENTS  JSON, a list of client registrations (OpenID Connect Dynamic Client Registration 1.0, section 2)
//   OPENID_CLAIMS   JSON, {account: {claim: value}}: laid over the claims that every account has
//   OPENID_PKCE     "0" accepts a request without PKCE; required otherwise (RFC 9700, section 2.1.1)
// Any account name signs in with any password: the provider's development pages ask for both and check neither.
import { randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';

const { OPENID_PORT, OPENID_CLIENTS, OPENID_CLAIMS = '{}', OPENID_PKCE = '1' } = process.env;
const issuer = `http://127.0.0.1:${OPENID_PORT}`;
const overrides = JSON.parse(OPENID_CLAIMS);

function claimsOf(account) {
  return {
    sub: account,
    email: `${account}@idp.test`,
    email_verified: account !== 'unverified',
    preferred_username: account,
    name: `First ${account}`,
    given_name: 'First',
    family_name: account,
    ...overrides[account],
  };
}

const provider = new Provider(issuer, {
  clients: JSON.parse(OPENID_CLIENTS),
  pkce: { required: () => OPENID_PKCE !== '0' },
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username'],
  },
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // It refuses to call loopback addresses, as a provider in the world should; here its clients have no others. And it
  // gives them 2.5 s to answer a logout token, which is soon over on a busy machine.
  fetch: (url, { dispatcher, signal, ...options }) =>
    globalThis.fetch(url, { ...options, signal: AbortSignal.timeout(60_000) }),
  cookies: { keys: [randomBytes(32).toString('hex')] },
  findAccount: (_context, account) => ({ accountId: account, claims: () => claimsOf(account) }),
});

// A refusal is answered in the browser in general terms only; the reason is in the log, which a failing test prints.
for (const event of ['server_error', 'authorization.error', 'grant.error', 'interaction.error', 'userinfo.error']) {
  provider.on(event, (_context, error) => {
    console.error(event, error.message, error.error_description ?? '', error.error_detail ?? '');
  });
}
provider.on('backchannel.error', (_context, error) => console.error('backchannel.error', error.message));

provider.listen(Number(OPENID_PORT), '127.0.0.1');
