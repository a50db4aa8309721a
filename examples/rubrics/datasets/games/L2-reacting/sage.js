var bee = createSprite(200, 200);
function steer() {
  if (keyDown("up")) {
    bee.y = bee.y - 2;
  } else if (keyDown("down")) {
    bee.y = bee.y + 2;
  }
}
function draw() {
  background("gold");
  steer();
  drawSprites();
}
