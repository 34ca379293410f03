// A phone app's sign-in with openid-client: PKCE, state and `iss` are the library's business. Environment:
//   ISSUER, AUTHORIZE, EXCHANGE   this site's origin, and the two addresses that an app needs
//   REDIRECT_URI                  of the app
//   CALLBACK, STATE, VERIFIER     of the second half: the URL that the app was opened with, and what it had kept
// Prints the authorization URL with what is to be kept, or what the library made of the callback.
import * as client from "openid-client";

const { ISSUER, AUTHORIZE, EXCHANGE, REDIRECT_URI, CALLBACK, STATE, VERIFIER } = process.env;

const site = new client.Configuration(
  {
    issuer: ISSUER,
    authorization_endpoint: AUTHORIZE,
    token_endpoint: EXCHANGE,
    authorization_response_iss_parameter_supported: true,
  },
  "the-app",
  undefined,
  client.None(),
);
client.allowInsecureRequests(site); // the test's server is on loopback

// The one difference to a token endpoint of RFC 6749: JSON in, and other names out.
site[client.customFetch] = async (url, options) => {
  const form = new URLSearchParams(options.body);
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      code: form.get("code"),
      code_verifier: form.get("code_verifier"),
      redirect_uri: form.get("redirect_uri"),
      transport: "body",
    }),
  });
  const said = await answer.json();
  const { access, refresh, code, detail, ...rest } = said;
  const body = answer.ok
    ? { ...rest, access_token: access, refresh_token: refresh }
    : { error: code, error_description: detail };
  return Response.json(body, { status: answer.status });
};

if (!CALLBACK) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const url = client.buildAuthorizationUrl(site, {
    redirect_uri: REDIRECT_URI,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  console.log(JSON.stringify({ url: url.href, state, verifier }));
} else {
  try {
    const tokens = await client.authorizationCodeGrant(site, new URL(CALLBACK), {
      expectedState: STATE,
      pkceCodeVerifier: VERIFIER,
    });
    console.log(JSON.stringify(tokens));
  } catch (error) {
    console.log(JSON.stringify({ refused: error.error ?? error.code, message: `${error.message} ${error.cause?.message ?? ""}` }));
  }
}
