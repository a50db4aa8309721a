var x = 10;
function draw() {
  background("white");
  ellipse(x, 200, 30, 30);
  x = x + 1;
}
