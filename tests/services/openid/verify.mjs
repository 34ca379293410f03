// Verifies access tokens as another service would: with jose, and nothing of ours but the URL of the keys.
import { createRemoteJWKSet, jwtVerify } from "jose";

const keys = createRemoteJWKSet(new URL(process.env.JWKS_URL));
const expected = { issuer: process.env.ISSUER, audience: process.env.AUDIENCE, typ: "at+jwt" };

const outcomes = [];
for (const token of JSON.parse(process.env.TOKENS)) {
  try {
    const { payload } = await jwtVerify(token, keys, expected);
    outcomes.push({ sub: payload.sub, sid: payload.sid });
  } catch (error) {
    outcomes.push({ refused: error.code });
  }
}
console.log(JSON.stringify(outcomes));
