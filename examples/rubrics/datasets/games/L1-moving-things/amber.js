// An aquarium
var goldfish = createSprite(100, 200);
var snail = createSprite(300, 360);
var swimSpeed = 2;

function draw() {
  background("lightblue");
  goldfish.x = goldfish.x + swimSpeed;
  snail.x = snail.x - 0.2;
  if (goldfish.x > 420) {
    goldfish.x = -20;
  }
  drawSprites();
}
