"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const count = new Intl.NumberFormat("en");
  const digits = value => value === 0 ? 0 : value < 1 ? 4 : value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0;
  const number = value => value === undefined ? "–" : value.toLocaleString("en", { minimumFractionDigits: digits(Math.abs(value)), maximumFractionDigits: digits(Math.abs(value)), signDisplay: "negative" }).replace("-", "−");
  const signed = value => value > 0 ? "+" + number(value) : number(value);

  /* Which section is on the screen. */
  const links = new Map([...document.querySelectorAll(".contents a")].map(link => [link.hash.slice(1), link]));
  const visible = new Set();
  const watcher = new IntersectionObserver(entries => {
    for (const entry of entries) entry.isIntersecting ? visible.add(entry.target.id) : visible.delete(entry.target.id);
    const current = [...links.keys()].find(id => visible.has(id));
    for (const [id, link] of links) id === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }, { rootMargin: "-64px 0px -55% 0px" });
  for (const id of links.keys()) watcher.observe($(id));

  /* On paper the worst and best pairs are open. */
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll(".extreme:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of folded) details.open = false; });

  /* Charts: a line under the pointer, or moved by arrow keys, and the numbers where it stands. They come from the chart's own table. */
  for (const chart of document.querySelectorAll(".chart")) {
    const table = chart.querySelector("table"), svg = chart.querySelector("svg[data-left]");
    if (!table || !svg) continue;
    let rows, line, at = -1;
    const readout = make("p", "readout");
    readout.setAttribute("aria-live", "polite");
    svg.after(readout); // over the name of the axis
    chart.tabIndex = 0;
    chart.setAttribute("aria-label", chart.querySelector("h3").textContent + ": arrow keys read the numbers");
    const place = Number.parseFloat;
    const { left, right, from, to } = svg.dataset;
    const prepare = () => {
      if (rows) return;
      const heads = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
      const step = heads.indexOf("step");
      rows = [...table.tBodies[0].rows].map(row => {
        const cells = [...row.cells].map(cell => cell.textContent);
        const parts = cells.map((cell, i) => i > step && cell ? `${heads[i]} ${cell}` : "").filter(Boolean);
        return { step: place(cells[step].replaceAll(",", "")), text: `${step > 0 ? cells[0] + ", " : ""}step ${cells[step]}: ${parts.join(", ")}` };
      });
      line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      line.setAttribute("class", "cursor");
      line.setAttribute("y1", "22");
      line.setAttribute("y2", String(svg.viewBox.baseVal.height - 38));
      svg.append(line);
    };
    const show = index => {
      at = Math.max(0, Math.min(rows.length - 1, index));
      const x = place(left) + (rows[at].step - place(from)) / (place(to) - place(from)) * (place(right) - place(left));
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      readout.textContent = rows[at].text;
    };
    const hide = () => {
      line?.remove();
      rows = undefined;
      readout.textContent = "";
    };
    svg.addEventListener("pointermove", event => {
      prepare();
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      const wanted = place(from) + (x - place(left)) / (place(right) - place(left)) * (place(to) - place(from));
      let nearest = 0;
      rows.forEach((row, i) => { if (Math.abs(row.step - wanted) < Math.abs(rows[nearest].step - wanted)) nearest = i; });
      show(nearest);
    });
    svg.addEventListener("pointerleave", hide);
    chart.addEventListener("blur", hide);
    chart.addEventListener("keydown", event => {
      if (event.target !== chart) return;
      const move = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
      if (move === undefined) return;
      event.preventDefault();
      prepare();
      show(at + move);
    });
  }

  /* The table of all rows. */
  const source = $("report-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  source.remove();
  const { rows, stages, samples, verdicts } = data;
  const textOf = text => text === undefined ? "" : Array.isArray(text) ? text[0] : text;
  const verdict = sample => sample.d === undefined ? "pair" : verdicts[sample.d] ?? sample.d;
  const part = sample => sample.h ? "held out" : "training";
  const ended = sample => sample.f === "stop" ? "itself" : sample.f === "length" ? "limit" : sample.f ?? (sample.n ? "" : "given");
  const names = new Intl.Collator("en", { numeric: true });
  const ranks = new Map([...rows.keys()].sort((one, other) => names.compare(rows[one].id, rows[other].id)).map((row, rank) => [row, rank]));
  const keys = {
    id: sample => ranks.get(sample.r),
    stage: sample => sample.s,
    split: part,
    verdict,
    finish: ended,
    margin: sample => sample.m,
    new: sample => sample.t,
    text: sample => textOf(rows[sample.r].prompt.at(-1)?.[1]).slice(0, 200).toLowerCase(),
  };
  const haystack = sample => {
    const row = rows[sample.r];
    row.hay ??= [row.id, ...row.prompt.map(message => textOf(message[1])), textOf(row.rejected), textOf(row.complaint)].join("\n").toLowerCase();
    sample.hay ??= textOf(sample.c).toLowerCase();
    return [row.hay, sample.hay];
  };

  const table = $("rows"), body = table.tBodies[0], form = $("filters"), pager = $("pager");
  const filters = { "f-stage": sample => String(sample.s), "f-split": part, "f-verdict": verdict, "f-finish": ended };
  const fill = (id, values) => {
    for (const [value, title] of values) $(id).append(new Option(title, value));
    if (values.length < 2) $(id).parentElement.hidden = true;
  };
  const distinct = of => [...new Set(samples.map(of))].sort(names.compare).map(value => [value, value]);
  fill("f-stage", stages.map((stage, i) => [String(i), stage.title]));
  fill("f-split", distinct(part));
  fill("f-verdict", distinct(verdict));
  fill("f-finish", distinct(ended).filter(([value]) => value));
  if (!samples.some(sample => sample.x || sample.z)) $("f-cut").parentElement.hidden = true;

  let found = samples, page = 0, sortKey = null, descending = false;
  const size = () => Number($("size").value);
  const pages = () => Math.max(1, Math.ceil(found.length / size()));

  const search = () => {
    const words = $("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = Object.entries(filters).map(([id, of]) => [of, $(id).value]).filter(([, value]) => value);
    const cut = $("f-cut").checked;
    found = samples.filter(sample => {
      if (cut && !sample.x && !sample.z) return false;
      for (const [of, value] of chosen) if (of(sample) !== value) return false;
      if (!words.length) return true;
      const texts = haystack(sample);
      return words.every(word => texts.some(text => text.includes(word)));
    });
    order();
  };

  const order = () => {
    if (sortKey) {
      const of = keys[sortKey], turn = descending ? -1 : 1;
      const compare = (one, other) => typeof one === "number" ? one - other : one < other ? -1 : one > other ? 1 : 0;
      found = found.map((sample, i) => [of(sample), i, sample])
        .sort(([one, i], [other, j]) => one === undefined || other === undefined ? (one === undefined) - (other === undefined) || i - j : turn * compare(one, other) || i - j)
        .map(([, , sample]) => sample);
    }
    page = 0;
    render();
  };

  const textCell = (row, sample) => {
    const cell = make("td", "preview");
    const said = row.prompt.at(-1);
    if (said) {
      const last = make("div", "", textOf(said[1]).slice(0, 220));
      last.dir = "auto";
      cell.append(last);
    }
    if (row.complaint !== undefined) {
      const complaint = make("div", "said", textOf(row.complaint).slice(0, 160));
      complaint.dir = "auto";
      cell.append(complaint);
    }
    return cell;
  };

  const line = (sample, index) => {
    const row = rows[sample.r];
    const tr = make("tr");
    const head = make("th");
    head.scope = "row";
    const toggle = make("button", "toggle");
    toggle.type = "button";
    toggle.setAttribute("aria-expanded", "false");
    const name = make("span");
    const id = make("bdi", "", row.id);
    name.append(id);
    toggle.append(name);
    toggle.addEventListener("click", () => open(tr, toggle, sample, index));
    head.append(toggle);
    const badge = make("span", sample.d === undefined ? "badge pair" : "badge dropped", verdict(sample));
    const judged = make("td");
    judged.append(badge);
    tr.append(
      head, make("td", "opt", stages[sample.s].title), make("td", "opt", part(sample)), judged, make("td", "opt", ended(sample)),
      make("td", "n opt", sample.m === undefined ? "–" : signed(sample.m)), make("td", "n opt", sample.t === undefined ? "–" : count.format(sample.t)),
      textCell(row, sample));
    return tr;
  };

  /* A text with the words that were searched for marked. */
  const block = text => {
    const shown = textOf(text).trim();
    const div = make("div", "text");
    div.dir = "auto";
    const words = $("q").value.trim().split(/\s+/).filter(Boolean);
    if (!shown.trim()) return make("p", "muted", text === undefined ? "not recorded" : "(empty)");
    if (!words.length || shown.length > 50000) div.textContent = shown;
    else {
      const pattern = new RegExp(words.map(word => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "giu");
      let end = 0;
      for (const match of shown.matchAll(pattern)) {
        div.append(shown.slice(end, match.index), make("mark", "", match[0]));
        end = match.index + match[0].length;
      }
      div.append(shown.slice(end));
    }
    if (!Array.isArray(text)) return div;
    const whole = make("div");
    whole.append(div, make("p", "cut", count.format(text[1]) + " more characters left out; the files of the run have the whole text."));
    return whole;
  };

  const panel = (style, title, text) => {
    const div = make("div", "panel " + style);
    div.append(make("h4", "", title), block(text));
    return div;
  };

  const facts = sample => {
    const row = rows[sample.r], { sampler } = stages[sample.s];
    const list = make("dl", "facts");
    const fact = (name, value) => {
      if (value === undefined || value === "") return;
      list.append(make("dt", "", name), make("dd", "", value));
    };
    fact("row id", row.id);
    fact("stage", `${stages[sample.s].title}, ${part(sample)}`);
    fact("verdict", verdict(sample));
    if (sample.n) {
      fact("ended by", sample.f === "stop" ? "an end token or stop text" : sample.f === "length" ? "the limit of new tokens" : sample.f);
      fact("random numbers", sampler.seed === undefined ? undefined : `seed ${sampler.seed}, iteration ${sampler.iteration}, sample ${sample.n - 1}, this row id`);
      fact("sampler", [sampler.mode?.toLowerCase(), sampler.temperature && `temperature ${sampler.temperature}`, sampler["top-p"] && sampler["top-p"] !== "off" && `top-p ${sampler["top-p"]}`, sampler["max new tokens"] && `at most ${sampler["max new tokens"]} tokens`].filter(Boolean).join(", "));
      fact("samples drawn", count.format(sample.n));
      fact("tokens", `${count.format(sample.p ?? 0)} of the prompt, ${count.format(sample.t ?? 0)} new`);
    } else fact("origin", sample.d === undefined ? "given, not sampled" : "not sampled");
    if (sample.x) fact("cut from the prompt", `${count.format(sample.x[0])} tokens; ${count.format(sample.x[1])} messages left out, ${count.format(sample.x[2])} shortened`);
    if (sample.z) fact("hazards", sample.z.join("; "));
    if (sample.m !== undefined) {
      fact(sample.h ? "margin, newest model" : "margin before its step", signed(sample.m));
      fact("Δ log-prob", `chosen ${signed(sample.dc)}, rejected ${signed(sample.dr)} nats`);
      fact("answer tokens", `chosen ${count.format(sample.tc)}, rejected ${count.format(sample.tr)}`);
    }
    if (row.margins && Object.keys(row.margins).length > 1) fact("margins", Object.entries(row.margins).map(([stage, margin]) => `${stage} ${signed(margin)}`).join(", "));
    return list;
  };

  const open = (tr, toggle, sample, index) => {
    const isOpen = toggle.getAttribute("aria-expanded") === "true";
    toggle.setAttribute("aria-expanded", String(!isOpen));
    tr.classList.toggle("open", !isOpen);
    if (isOpen) {
      tr.nextElementSibling.remove();
      toggle.removeAttribute("aria-controls");
      return;
    }
    const row = rows[sample.r];
    const detail = make("tr", "detail"), cell = make("td"), columns = make("div", "columns");
    detail.id = "detail-" + index;
    toggle.setAttribute("aria-controls", detail.id);
    cell.colSpan = [...table.tHead.rows[0].cells].filter(head => head.offsetParent).length;
    const [talk, answers, origin] = [make("div"), make("div"), make("div")];
    talk.append(make("h3", "", "Conversation"));
    for (const [role, text] of row.prompt) {
      const message = make("div", "message");
      message.append(make("p", "role", role), block(text));
      talk.append(message);
    }
    if (!row.prompt.length) talk.append(make("p", "muted", "not recorded"));
    answers.append(panel("rejected", "Rejected: what the user got", row.rejected));
    if (row.complaint !== undefined) answers.append(panel("complaint", "The complaint", row.complaint));
    if (sample.c !== undefined) answers.append(panel("after", sample.n ? "Chosen: sampled with the complaint" : "Chosen: given", sample.c));
    else answers.append(make("p", "muted", "No pair: the sample was not kept."));
    origin.append(make("h3", "", "Where it comes from"), facts(sample));
    columns.append(talk, answers, origin);
    cell.append(columns);
    detail.append(cell);
    tr.after(detail);
  };

  const render = () => {
    const last = pages() - 1;
    page = Math.max(0, Math.min(page, last));
    const start = page * size(), shown = found.slice(start, start + size());
    body.replaceChildren(...shown.map((sample, i) => line(sample, start + i)));
    const all = found.length === samples.length ? "" : ` of ${count.format(samples.length)}`;
    $("count").textContent = found.length ? `${count.format(found.length)}${all} rows; ${count.format(start + 1)} to ${count.format(start + shown.length)} shown.` : `No row${all} fits. Clear the filters to see all of them.`;
    $("page").value = page + 1;
    $("page").max = last + 1;
    $("pages").textContent = "of " + count.format(last + 1);
    for (const button of pager.querySelectorAll("button")) button.disabled = ["first", "previous"].includes(button.dataset.page) ? page === 0 : page === last;
    for (const head of table.tHead.rows[0].cells) {
      const mine = head.firstElementChild.dataset.sort === sortKey;
      head.setAttribute("aria-sort", mine ? descending ? "descending" : "ascending" : "none");
    }
  };

  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(search, 150);
  };
  $("q").addEventListener("input", later);
  form.addEventListener("change", event => { if (event.target.id !== "q") search(); });
  form.addEventListener("submit", event => {
    event.preventDefault();
    search();
  });
  form.addEventListener("reset", () => setTimeout(search));
  table.tHead.addEventListener("click", event => {
    const key = event.target.closest("button")?.dataset.sort;
    if (!key) return;
    /* Up, down, and then as in the files again. */
    if (sortKey !== key) [sortKey, descending] = [key, false];
    else if (!descending) descending = true;
    else sortKey = null;
    sortKey ? order() : search();
  });
  pager.addEventListener("click", event => {
    const to = event.target.dataset?.page;
    if (!to) return;
    page = { first: 0, previous: page - 1, next: page + 1, last: pages() - 1 }[to];
    render();
    table.scrollIntoView({ block: "start" });
  });
  $("page").addEventListener("change", event => {
    page = Number(event.target.value) - 1 || 0;
    render();
  });
  $("size").addEventListener("change", () => {
    page = 0;
    render();
  });

  form.hidden = table.hidden = pager.hidden = false;
  render();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
