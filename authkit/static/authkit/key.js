// Moves the key of a mail's link from the address into the page's form. The key leaves the address, and so the
// history, at once. One ES module without dependencies, for a strict Content-Security-Policy.

const field = document.querySelector("input[data-authkit-key]");

function take() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key) {
    field.value = key;
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  // The person has nothing to type where there is a key, unless the server refused that one.
  field.closest(".ak-field").hidden = Boolean(field.value) && !field.hasAttribute("aria-invalid");
}

if (field) {
  take();
  addEventListener("hashchange", take); // another link, opened in the same tab, changes the fragment alone
}
