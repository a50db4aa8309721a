function house() {
  rect(100, 200, 100, 100);
  triangle(100, 200, 150, 150, 200, 200);
}
function tree() {
  ellipse(300, 200, 60, 60);
}
house();
tree();
