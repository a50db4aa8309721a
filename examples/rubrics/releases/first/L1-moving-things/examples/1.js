var duck = createSprite(40, 300);
var pond = createSprite(200, 320);
function draw() {
  background("olive");
  duck.x = duck.x + 1;
  pond.scale = 2;
  drawSprites();
}
