// Tells while typing whether another product has the code already, and keeps a
// form from being sent twice. Without it the server says the same after sending.
(() => {
  "use strict";
  const form = document.getElementById("producto");
  const code = document.getElementById("code");
  const error = document.getElementById("code-error");
  let timer = 0;
  let asked = null;

  const taken = (p) => {
    const link = document.createElement("a");
    link.href = "/productos/" + p.id + "/editar";
    link.textContent = p.code + " – " + p.name;
    error.replaceChildren(form.dataset.taken + " ", link);
    code.setAttribute("aria-invalid", "true");
  };
  const free = () => {
    error.replaceChildren();
    code.removeAttribute("aria-invalid");
  };
  const check = () => {
    if (asked) asked.abort();
    const value = code.value.trim();
    if (!value) return;
    asked = new AbortController();
    fetch("/api/v1/products?code=" + encodeURIComponent(value), { signal: asked.signal })
      .then((r) => (r.ok ? r.json() : null))
      .then((page) => {
        if (!page) return; // not known now; saving will tell
        const other = page.products.find((p) => String(p.id) !== form.dataset.id);
        if (other) taken(other);
        else free();
      })
      .catch(() => {});
  };
  code.addEventListener("input", () => {
    free();
    clearTimeout(timer);
    timer = setTimeout(check, 250);
  });

  const button = form.querySelector("button");
  form.addEventListener("submit", () => setTimeout(() => (button.disabled = true)));
  addEventListener("pageshow", () => (button.disabled = false));
})();
