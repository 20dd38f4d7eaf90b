// Keeps the inventory list up to date: follows the live stream of whichever
// instance answers, and adds, changes and removes rows. Without it the page
// works as well; it only has to be reloaded to see what is new.
(() => {
  "use strict";
  const table = document.getElementById("tabla");
  const body = table.tBodies[0];
  const blank = document.getElementById("fila");
  const notice = document.getElementById("aviso");
  const readOnly = document.getElementById("lectura");
  const state = document.getElementById("conexion");
  const total = document.getElementById("total");
  const empty = document.getElementById("vacio");
  const lang = document.documentElement.lang;
  const shown = table.dataset;
  const texts = JSON.parse(shown.texts);
  const number = new Intl.NumberFormat(lang);
  const order = new Intl.Collator("es", { sensitivity: "base" });
  const maxApart = 20; // rows shown above the list because they belong to another page
  const silence = 15000; // without a sign of life for so long, connect again

  const say = (text, value) => text.replace(/%[sd]/, () => value);

  // ---- times: the server writes UTC, the reader wants his own clock
  const two = (n) => String(n).padStart(2, "0");
  const localTime = (el) => {
    const t = new Date(el.dateTime);
    if (isNaN(t)) return;
    const [y, m, d] = [t.getFullYear(), two(t.getMonth() + 1), two(t.getDate())];
    const day = lang === "es" ? d + "/" + m + "/" + y : y + "-" + m + "-" + d;
    el.textContent = day + " " + two(t.getHours()) + ":" + two(t.getMinutes());
    el.title = t.toISOString();
  };
  table.querySelectorAll("time").forEach(localTime);

  // ---- rows
  const fill = (row, p) => {
    row.id = "p" + p.id;
    const [code, name, category, unit, updated, actions] = row.cells;
    code.firstElementChild.textContent = p.code;
    code.firstElementChild.href = "/productos/" + p.id + "/editar";
    name.firstChild.textContent = p.name;
    name.lastElementChild.textContent = p.description;
    category.textContent = p.category;
    unit.textContent = p.unit;
    const time = updated.firstElementChild;
    time.dateTime = p.updated_at;
    localTime(time);
    actions.firstElementChild.href = "/productos/" + p.id + "/borrar";
    actions.firstElementChild.lastElementChild.textContent = " " + p.code;
  };
  const newRow = (p) => {
    const row = blank.content.firstElementChild.cloneNode(true);
    const name = row.cells[1];
    name.insertBefore(document.createTextNode(""), name.firstChild);
    fill(row, p);
    return row;
  };
  const flash = (row) => {
    row.classList.remove("flash");
    void row.offsetWidth; // start the animation again
    row.classList.add("flash");
  };

  // ---- filter and order, as the database applies them: upper and lower case
  // are the same, accents too (but not in codes), and ñ is a letter of its own
  const folded = (s) => s.normalize("NFC").toLowerCase();
  const plain = (s) =>
    folded(s)
      .normalize("NFD")
      .replace(/(n\u0303)|\p{M}/gu, (_, enye) => (enye ? "ñ" : ""));
  const words = shown.q.split(/\s+/).filter(Boolean);
  const matches = (p) =>
    (!shown.category || plain(p.category) === plain(shown.category)) &&
    words.every((w) => folded(p.code).includes(folded(w)) || plain(p.name).includes(plain(w)) || plain(p.description).includes(plain(w)));
  const key = {
    code: (row) => row.cells[0].textContent,
    name: (row) => row.cells[1].firstChild.textContent,
    category: (row) => row.cells[2].textContent,
    updated: (row) => row.cells[4].firstElementChild.dateTime,
  }[shown.sort];
  const compare = (a, b) => {
    const d = shown.sort === "updated" ? Date.parse(key(a)) - Date.parse(key(b)) : order.compare(key(a), key(b));
    return (shown.desc === "true" ? -d : d) || Number(a.id.slice(1)) - Number(b.id.slice(1));
  };
  const firstPage = shown.page === "1";
  const lastPage = () => Number(shown.page) >= Number(shown.pages);

  // place puts row where it belongs. A row of another page is shown above the
  // first page, marked, so that nobody misses it.
  const place = (row) => {
    row.classList.remove("apart");
    row.removeAttribute("title");
    const inOrder = [...body.rows].filter((r) => !r.classList.contains("apart") && r !== row);
    const at = inOrder.findIndex((r) => compare(row, r) < 0);
    if (at > 0 || (at === 0 && firstPage)) {
      body.insertBefore(row, inOrder[at]);
      if (inOrder.length + 1 > Number(shown.size)) inOrder.at(-1).remove(); // it moved to the next page
      return true;
    }
    if (at < 0 && lastPage() && (inOrder.length > 0 || firstPage) && inOrder.length < Number(shown.size)) {
      body.append(row);
      return true;
    }
    if (!firstPage) {
      row.remove();
      return false;
    }
    row.classList.add("apart");
    row.title = texts["live.apart"];
    body.prepend(row);
    const apart = body.getElementsByClassName("apart");
    if (apart.length > maxApart) apart[apart.length - 1].remove();
    return true;
  };

  const count = (by) => {
    const n = Math.max(0, Number(total.dataset.total) + by);
    total.dataset.total = n;
    total.textContent = say(n === 1 ? texts["live.total.one"] : texts["live.total.other"], number.format(n));
  };

  // ---- what people are told; a burst becomes one sentence
  let waiting = [];
  let timer = 0;
  const announce = (text) => {
    waiting.push(text);
    clearTimeout(timer);
    timer = setTimeout(() => {
      notice.textContent = waiting.length === 1 ? waiting[0] : say(texts["live.many"], number.format(waiting.length));
      waiting = [];
    }, waiting.length > 1 ? 400 : 50);
  };

  const apply = (change) => {
    const p = change.product;
    const row = document.getElementById("p" + p.id);
    const label = p.code + " – " + p.name;
    if (change.op === "delete" || !matches(p)) {
      if (row) row.remove();
      // Whether a row of another page matched before is not known here; only
      // a deleted one that matches is surely gone from the count.
      if (change.op === "delete" ? matches(p) : row) count(-1);
      if (change.op === "delete") announce(say(texts["live.deleted"], label));
    } else if (row) {
      const before = key(row);
      fill(row, p);
      if (key(row) !== before || row.classList.contains("apart")) place(row);
      flash(row);
      announce(say(texts["live.updated"], label));
    } else {
      const fresh = newRow(p);
      if (place(fresh)) flash(fresh);
      if (change.op === "create") count(1);
      announce(say(change.op === "create" ? texts["live.created"] : texts["live.updated"], label));
    }
    empty.hidden = body.rows.length > 0;
  };

  // ---- the stream
  let revision = Number(shown.revision);
  let source = null;
  let alive = 0;
  let retry = 0;

  const show = (name, text) => {
    state.dataset.state = name;
    state.textContent = text;
  };
  const remember = () => {
    // The server reads it so that no instance shows an older inventory.
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = "inventario_seen=" + revision + "; path=/; max-age=43200; samesite=lax" + secure;
  };
  const reload = () => {
    const last = Number(sessionStorage.getItem("recargado") || 0);
    const typing = document.activeElement && document.activeElement.matches("input, select");
    if (typing || Date.now() - last < 10000) {
      notice.textContent = texts["live.reload"];
      return;
    }
    sessionStorage.setItem("recargado", String(Date.now()));
    location.reload();
  };
  const stop = () => {
    clearTimeout(retry);
    if (source) source.close();
    source = null;
  };
  const again = (after) => {
    stop();
    retry = setTimeout(connect, after);
  };
  const failed = () => {
    delete state.dataset.instance;
    show("off", texts["live.off"]);
    // EventSource gives up after an answer that is no stream: find out why.
    if (!source || source.readyState !== EventSource.CLOSED) return;
    fetch("/api/v1/session", { cache: "no-store" })
      .then((r) => {
        if (r.status === 401) {
          stop();
          show("ended", texts["live.ended"]);
        } else again(1000 + Math.random() * 1000);
      })
      .catch(() => again(2000 + Math.random() * 1000));
  };
  const connect = () => {
    show("connecting", texts["live.connecting"]);
    alive = Date.now();
    source = new EventSource("/inventario/eventos?desde=" + revision);
    source.addEventListener("latido", (e) => {
      alive = Date.now();
      const { instance, read_only } = JSON.parse(e.data);
      readOnly.hidden = !read_only;
      if (state.dataset.instance === instance && state.dataset.state === "on") return;
      state.dataset.instance = instance;
      show("on", say(texts["live.on"], instance));
    });
    source.addEventListener("cambio", (e) => {
      alive = Date.now();
      const change = JSON.parse(e.data);
      if (change.revision <= revision) return;
      revision = change.revision;
      shown.revision = revision;
      remember();
      apply(change);
    });
    source.addEventListener("recargar", (e) => {
      revision = Number(e.lastEventId) || 0;
      remember();
      reload();
    });
    source.addEventListener("reconectar", () => again(Math.random() * 300));
    source.addEventListener("error", failed);
  };
  setInterval(() => {
    if (source && Date.now() - alive > silence) again(0);
  }, 2000);
  addEventListener("pageshow", (e) => {
    if (e.persisted) location.reload(); // the browser kept an old copy of the page
  });
  connect();
})();
