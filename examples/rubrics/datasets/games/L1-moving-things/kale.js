var thing = createSprite(100, 100);
var thing2 = createSprite(200, 100);
function draw() {
  thing.x = thing.x + 1;
  drawSprites();
}
