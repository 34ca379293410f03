// Solves a challenge of the kind "proof_of_work": on authkit's sign-in page, or for an app that imports `solve`.
// One ES module without dependencies, for a strict Content-Security-Policy. It needs https, as browsers offer their
// cryptography to secure pages alone.

const ALGORITHM = "PBKDF2/SHA-256";

// The response to a challenge, for `challenge_response`. The browser derives keys in its own threads, so the page goes on.
export async function solve({ parameters, signature }, { signal } = {}) {
  const { algorithm, nonce, salt, cost, keyLength, keyPrefix } = parameters;
  if (algorithm !== ALGORITHM) throw new TypeError(`no such algorithm: ${algorithm}`);
  if (!globalThis.crypto?.subtle) throw new TypeError("this page is not secure, so the browser has no cryptography");
  const password = new Uint8Array([...fromHex(nonce), 0, 0, 0, 0]);
  const end = new DataView(password.buffer, password.length - 4);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt: fromHex(salt), iterations: cost };
  for (let counter = 0; ; counter += 1) {
    signal?.throwIfAborted();
    end.setUint32(0, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const derivedKey = toHex(await crypto.subtle.deriveBits(derivation, key, keyLength * 8));
    if (derivedKey.startsWith(keyPrefix)) {
      return btoa(JSON.stringify({ challenge: { parameters, signature }, solution: { counter, derivedKey } }));
    }
  }
}

const fromHex = (text) => Uint8Array.from(text.match(/../g), (digits) => parseInt(digits, 16));
const toHex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function attend(element) {
  const form = element.closest("form");
  const show = (state) => {
    for (const each of element.querySelectorAll("[data-authkit-state]")) {
      each.hidden = each.dataset.authkitState !== state;
    }
  };
  let isOver = false;
  let waiting = null; // the button that was pressed meanwhile
  form.addEventListener("submit", (event) => {
    if (isOver) return;
    event.preventDefault();
    waiting = event.submitter;
  });
  show("working");
  try {
    element.querySelector("input").value = await solve(JSON.parse(element.dataset.authkitChallenge));
    show("done");
  } catch {
    show("failed"); // the form goes on without a response, and the server says what it says
  }
  isOver = true;
  if (waiting) form.requestSubmit(waiting);
}

globalThis.document?.querySelectorAll("[data-authkit-challenge]").forEach(attend);
