var ship = createSprite(200, 350);
function draw() {
  background("black");
  if (keyDown("space")) {
    ship.y = ship.y - 4;
  }
  drawSprites();
}
