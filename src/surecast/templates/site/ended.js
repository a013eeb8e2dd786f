// The pages are files: what ends between two writes is marked here, by the reader's clock.
(function () {
  function tidy() {
    Array.from(document.querySelectorAll("[data-expires]")).reverse().forEach(function (notice) {
      if (Date.parse(notice.dataset.expires) > Date.now()) return;
      notice.removeAttribute("data-expires");
      var over = notice.querySelector(".over"), ended = document.querySelector("#ended");
      if (over) over.hidden = false;
      if (!ended) return;
      ended.hidden = false;
      ended.querySelector(".notices").prepend(notice);
      document.querySelector("#current .none").hidden = !!document.querySelector("#current .notice");
    });
  }
  tidy();
  setInterval(tidy, 20000);
})();
