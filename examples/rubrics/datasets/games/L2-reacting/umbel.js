var light = "off";
function draw() {
  if (light == "on") {
    background("white");
  }
  background("black");
}
