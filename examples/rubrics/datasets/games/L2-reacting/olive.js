var pressed = false;
function draw() {
  background("white");
  pressed = keyDown("a");
  ellipse(100, 100, 20, 20);
}
