(function () {
  "use strict";
  var picture = document.getElementById("picture"), where = document.getElementById("where");
  var status = document.getElementById("status"), plain = where.textContent;
  var pointed = null, focused = null, pinned = null, lit = null;

  // What is lit: the fact one points at, else the one with the focus, else the pinned one.
  function update() {
    var row = pointed || focused || pinned;
    if (row === lit) { return; }
    if (lit) { lit.classList.remove("lit"); }
    picture.querySelectorAll(".layer.on").forEach(function (layer) { layer.classList.remove("on"); });
    if (row) {
      row.classList.add("lit");
      document.getElementById(row.dataset.layer).classList.add("on");
    }
    picture.classList.toggle("lit", !!row);
    where.textContent = row ? row.dataset.where : plain;
    lit = row;
  }

  function rowOf(target) { return target.closest ? target.closest(".fact[data-layer]") : null; }

  function pin(row) {
    if (pinned) { pinned.querySelector(".line").setAttribute("aria-pressed", "false"); }
    if (row) { row.querySelector(".line").setAttribute("aria-pressed", "true"); }
    pinned = row;
    update();
  }

  // Another rival: its part of the page is shown, and the same fact stays pinned where it is there, too.
  function choose(input) {
    var number = input.value;
    document.querySelectorAll("[data-rival]").forEach(function (part) { part.hidden = part.dataset.rival !== number; });
    document.title = input.dataset.title;
    var same = pinned && document.querySelector("[data-rival='" + number + "'] .fact[data-fact='" + pinned.dataset.fact + "'][data-layer]");
    pointed = focused = null;
    pin(same || null);
  }

  document.addEventListener("pointerover", function (event) {
    if (event.pointerType !== "touch") { pointed = rowOf(event.target); update(); }
  });
  document.documentElement.addEventListener("pointerleave", function () { pointed = null; update(); });
  document.addEventListener("focusin", function (event) {
    focused = event.target.matches(":focus-visible") ? rowOf(event.target) : null;
    update();
  });
  document.addEventListener("focusout", function () { focused = null; update(); });
  document.addEventListener("click", function (event) {
    var line = event.target.closest("button.line");
    if (line) { pin(line.parentNode === pinned ? null : line.parentNode); }
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { focused = null; pin(null); }
  });
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (part) { part.open = true; });
  });
  document.querySelectorAll("input[name='rival']").forEach(function (input) {
    input.addEventListener("change", function () {
      choose(input);
      status.textContent = input.dataset.title + ", " + input.dataset.margin;
    });
    if (input.checked) { choose(input); }
  });
}());
