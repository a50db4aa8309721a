var speedUp = keyDown("up") ? 2 : 1;
var train = createSprite(0, 200);
function draw() {
  background("silver");
  train.x = train.x + speedUp;
  drawSprites();
}
